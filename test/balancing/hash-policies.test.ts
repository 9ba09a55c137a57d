import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { assignment, endpoint, endpoints, hashOf, Mesh, place } from "./mesh.ts";

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
    const slot = mesh.balancer.pick({ hash: hashOf(key), tried: [] }, mesh.evidence);
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
  // The places and picks of Envoy's own tests, ring_hash_lb_test.cc and maglev_lb_test.cc.
  const ports = [90, 91, 92, 93, 94, 95].map((port) =>
    endpoint(0, { host: "127.0.0.1", port, hostname: String(port) }),
  );
  const portOf = (mesh: Mesh, hash: bigint): string => {
    const halves = { high: Number(hash >> 32n), low: Number(hash & 0xffff_ffffn) };
    return mesh.balancer.address(mesh.balancer.pick({ hash: halves, tried: [] }, mesh.evidence)).slice(-2);
  };

  it("ring: every key goes where Envoy sends it", () => {
    const mesh = meshOf(ring(12), ports);
    const places = [
      [833437586790550860n, "94"],
      [928266305478181108n, "92"],
      [1033482794131418490n, "90"],
      [3551244743356806947n, "95"],
      [3851675632748031481n, "93"],
      [5583722120771150861n, "91"],
      [6311230543546372928n, "91"],
      [7700377290971790572n, "93"],
      [13144177310400110813n, "95"],
      [13444792449719432967n, "92"],
      [15516499411664133160n, "94"],
      [16117243373044804889n, "90"],
    ] as const;
    for (const [i, [position, port]] of places.entries()) {
      assert.equal(portOf(mesh, position), port);
      assert.equal(portOf(mesh, position + 1n), places[(i + 1) % places.length]![1]);
    }
    assert.equal(portOf(mesh, 0n), "94");
    assert.equal(portOf(mesh, (1n << 64n) - 1n), "94");
  });

  it("ring: endpoints can be placed by their hostnames, as Envoy places them", () => {
    const mesh = meshOf({ ...ring(12), useHostname: true } as ResolvedPolicy, ports);
    for (const [position, port] of [
      [1975508444536362413n, "95"],
      [2386806903309390596n, "93"],
      [6749904478991551885n, "94"],
      [7225015537174310577n, "92"],
      [13776502110861797421n, "90"],
      [14338313586354474791n, "91"],
    ] as const)
      assert.equal(portOf(mesh, position), port);
  });

  it("Maglev: the table is Envoy's", () => {
    const table = (useHostname: boolean) => {
      const mesh = meshOf({ ...maglev, tableSize: 7, useHostname } as ResolvedPolicy, ports);
      return Array.from({ length: 14 }, (_, i) => portOf(mesh, BigInt(i))).join(" ");
    };
    assert.equal(table(false), "92 94 90 91 95 90 93 92 94 90 91 95 90 93");
    assert.equal(table(true), "92 95 90 93 94 91 90 92 95 90 93 94 91 90");
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

  // The ring keeps its size: those who stay get more places, which take keys from each other, at most as many as the tenth has.
  for (const [name, policy, bound] of [
    ["ring", ring(16_384), 2],
    ["Maglev", maglev, 1.5],
  ] as const) {
    it(`${name}: when one of ten leaves, at most ${bound} times its tenth of keys moves`, () => {
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

    it(`${name}: a key stays with its endpoint where two priorities share the requests`, () => {
      const mesh = new Mesh(policy);
      const first = [
        ...endpoints(2),
        endpoint(2, { health: "unhealthy" }),
        endpoint(3, { health: "unhealthy" }),
      ];
      mesh.balancer.update(assignment(place(first), place(endpoints(2, 10), { priority: 1 })));
      const once = owners(mesh);
      assert.deepEqual(owners(mesh), once);
      const second = once.filter((address) => /^10\.0\.0\.1[01]:/.test(address)).length / KEYS;
      assert.ok(Math.abs(second - 0.3) < 0.02, `${second} of the keys at priority 1`);
    });

    it(`${name}: a key stays with its endpoint where localities have weights, which are their parts of the table`, () => {
      const locality = { kind: "weighted", zoneRoutingEnabled: 100, zoneMinClusterSize: 6 } as const;
      const mesh = new Mesh(policy, { locality });
      const [a, b] = [
        place(endpoints(2), { zone: "a", weight: 1 }),
        place(endpoints(4, 10), { zone: "b", weight: 3 }),
      ];
      mesh.balancer.update(assignment(a, b));
      const once = owners(mesh);
      assert.deepEqual(owners(mesh), once);
      const inA = once.filter((address) => /^10\.0\.0\.[01]:/.test(address)).length / KEYS;
      assert.ok(Math.abs(inA - 0.25) < 0.05, `${inA} of the keys in the locality of weight 1 of 4`);
      mesh.balancer.update(assignment({ ...a, weight: 9 }, { ...b, weight: 1 }));
      const after = owners(mesh).filter((address) => /^10\.0\.0\.[01]:/.test(address)).length / KEYS;
      assert.ok(Math.abs(after - 0.9) < 0.05, `${after} of the keys in it when it has 9 of 10`);
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
      const slot = mesh.balancer.pick({ hash: hashOf(12_345), tried: [] }, mesh.evidence);
      mesh.balancer.onStart(slot);
      const address = mesh.balancer.address(slot);
      inFlight.set(address, (inFlight.get(address) ?? 0) + 1);
    }
    assert.equal(inFlight.size, 4);
    assert.ok(Math.max(...inFlight.values()) <= Math.ceil(1.25 * 100) + 1, `${[...inFlight.values()]}`);
  });
});
