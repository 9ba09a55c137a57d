import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hash32 } from "../../sidecar/balancing/hash.ts";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { assignment, endpoint, endpoints, Mesh, place } from "./mesh.ts";

const ring = (minimumSize = 1024): ResolvedPolicy => ({
  kind: "ring_hash",
  minimumSize,
  maximumSize: 8_388_608,
  useHostname: false,
  balanceFactor: undefined,
});
const maglev: ResolvedPolicy = {
  kind: "maglev",
  tableSize: 65_537,
  useHostname: false,
  balanceFactor: undefined,
};
const KEYS = 20_000;

/** Where each key goes, without load. */
function owners(mesh: Mesh): string[] {
  return Array.from({ length: KEYS }, (_, key) => {
    const slot = mesh.balancer.pick({ hash: hash32(`key ${key}`, 0), tried: [] }, mesh.evidence);
    return mesh.balancer.address(slot);
  });
}

function meshOf(policy: ResolvedPolicy, members: readonly Endpoint[]): Mesh {
  const mesh = new Mesh(policy);
  mesh.balancer.update(assignment(place(members)));
  return mesh;
}

function counts(of: readonly string[]): number[] {
  const map = new Map<string, number>();
  for (const address of of) map.set(address, (map.get(address) ?? 0) + 1);
  return [...map.values()];
}

describe("hash policies", () => {
  it("hash as published for MurmurHash3", () => {
    assert.equal(hash32("", 0), 0);
    assert.equal(hash32("", 1), 0x514e28b7);
    assert.equal(hash32("hello", 0), 0x248bfa47);
    assert.equal(hash32("hello, world", 0), 0x149bbb7f);
    assert.equal(hash32("The quick brown fox jumps over the lazy dog", 0), 0x2e4ff723);
  });

  it("ring: the spread over equal endpoints shrinks with the square root of the places each has", () => {
    for (const [size, most] of [
      [1_024, 1.5],
      [65_536, 1.1],
    ] as const) {
      const loads = counts(owners(meshOf(ring(size), endpoints(10))));
      assert.equal(loads.length, 10);
      const worst = Math.max(...loads) / (KEYS / 10);
      assert.ok(worst < most, `fullest endpoint has ${worst} times its part at ${size} places`);
    }
  });

  it("Maglev: the fullest endpoint has within 1 % of its part of the table, and so of keys within chance", () => {
    const loads = counts(owners(meshOf(maglev, endpoints(10))));
    assert.ok(Math.max(...loads) / (KEYS / 10) < 1.08 && Math.min(...loads) / (KEYS / 10) > 0.92, `${loads}`);
  });

  for (const [name, policy, bound] of [
    ["ring", ring(16_384), 1.15],
    ["Maglev", maglev, 1.5],
  ] as const) {
    it(`${name}: when one of ten leaves, hardly more than its tenth of keys moves`, () => {
      const before = owners(meshOf(policy, endpoints(10)));
      const after = owners(meshOf(policy, endpoints(9)));
      const moved = before.filter((address, i) => address !== after[i]).length / KEYS;
      assert.ok(moved < 0.1 * bound, `${moved} moved`);
    });

    it(`${name}: when one of ten is ejected, only its keys move, and they come home`, () => {
      const mesh = meshOf(policy, endpoints(10));
      const before = owners(mesh);
      const slot = mesh.balancer.view().endpoints[3]!.slot;
      for (let i = 0; i < 3; i++) mesh.balancer.onEnd(mesh.balancer.onStart(slot), OUTCOME.connectFailure);
      assert.equal(mesh.state("10.0.0.3:8080"), "ejected");
      const during = owners(mesh);
      for (const [i, address] of before.entries()) {
        if (address === "10.0.0.3:8080") assert.notEqual(during[i], address);
        else assert.equal(during[i], address);
      }
    });

    it(`${name}: an endpoint of weight 3 has three times the keys`, () => {
      const of = owners(meshOf(policy, [endpoint(0, { weight: 3 }), ...endpoints(5, 1)]));
      const heavy = of.filter((address) => address === "10.0.0.0:8080").length / KEYS;
      assert.ok(Math.abs(heavy - 3 / 8) < 0.05, `${heavy}`);
    });

    it(`${name}: a request without a key goes anywhere`, () => {
      const mesh = meshOf(policy, endpoints(5));
      assert.equal(mesh.run(1_000, 200).size, 5);
    });
  }

  it("bounded load: a hot key overflows to others once its endpoint has 1.25 times its fair part", () => {
    const mesh = meshOf({ ...ring(), balanceFactor: 125 } as ResolvedPolicy, endpoints(4));
    const inFlight = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      const slot = mesh.balancer.pick({ hash: 12_345, tried: [] }, mesh.evidence);
      mesh.balancer.onStart(slot);
      const address = mesh.balancer.address(slot);
      inFlight.set(address, (inFlight.get(address) ?? 0) + 1);
    }
    assert.equal(inFlight.size, 4);
    assert.ok(Math.max(...inFlight.values()) <= Math.ceil(1.25 * 100) + 1, `${[...inFlight.values()]}`);
  });
});
