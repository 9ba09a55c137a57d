import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PICK_REASON } from "../../sidecar/balancing/evidence.ts";
import { localityLoads } from "../../sidecar/balancing/locality-loads.ts";
import { priorityLoads } from "../../sidecar/balancing/priority-loads.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { adaptive, answersIn, assignment, endpoint, endpoints, Mesh, place, roundRobin } from "./mesh.ts";

const unhealthy = (count: number, from: number): Endpoint[] =>
  endpoints(count, from).map((e) => ({ ...e, health: "unhealthy" }));

describe("priorities", () => {
  const loadsOf = (...healthy: number[]) =>
    priorityLoads(
      healthy.map((part) => ({ total: 100, healthy: part, refusing: 0, draining: 0, degraded: 0 })),
      140,
      50,
    ).map((load) => [load.priority, Math.round(load.share * 100), load.panic] as const);

  it("spill over as in Envoy's table for a factor of 140", () => {
    assert.deepEqual(loadsOf(100, 100), [[0, 100, false]]);
    assert.deepEqual(loadsOf(72, 100), [[0, 100, false]]);
    assert.deepEqual(loadsOf(71, 100), [
      [0, 99, false],
      [1, 1, false],
    ]);
    assert.deepEqual(loadsOf(50, 100), [
      [0, 70, false],
      [1, 30, false],
    ]);
    assert.deepEqual(loadsOf(25, 100), [
      [0, 35, false],
      [1, 65, false],
    ]);
    assert.deepEqual(loadsOf(0, 100), [[1, 100, false]]);
  });

  it("share in proportion, and panic, where all together lack endpoints", () => {
    assert.deepEqual(loadsOf(25, 25), [
      [0, 50, true],
      [1, 50, true],
    ]);
    assert.deepEqual(loadsOf(0, 0), [
      [0, 50, true],
      [1, 50, true],
    ]);
  });

  it("lose what refuses connections before it is ejected, but never all of it", () => {
    const [first, second] = priorityLoads(
      [
        { total: 10, healthy: 10, refusing: 5, draining: 0, degraded: 0 },
        { total: 10, healthy: 10, refusing: 0, draining: 0, degraded: 0 },
      ],
      140,
      50,
    );
    assert.ok(
      Math.abs(first!.share - 1.4 * 0.505) < 1e-9 && Math.abs(second!.share - (1 - 1.4 * 0.505)) < 1e-9,
    );
    const [asked] = priorityLoads(
      [
        { total: 4, healthy: 4, refusing: 4, draining: 0, degraded: 0 },
        { total: 4, healthy: 4, refusing: 0, draining: 0, degraded: 0 },
      ],
      140,
      50,
    );
    assert.ok(Math.abs(asked!.share - 0.014) < 1e-9);
  });

  it("lack nothing when endpoints drain: those were taken out on purpose", () => {
    const draining = endpoints(2, 2).map((e): Endpoint => ({ ...e, health: "draining" }));
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(
      assignment(place([...endpoints(2), ...draining]), place(endpoints(2, 10), { priority: 1 })),
    );
    assert.deepEqual([...mesh.run(1_000, 100).keys()].sort(), ["10.0.0.0:8080", "10.0.0.1:8080"]);
    mesh.balancer.update(assignment(place(draining), place(endpoints(2, 10), { priority: 1 })));
    assert.deepEqual([...mesh.run(1_000, 100).keys()].sort(), ["10.0.0.10:8080", "10.0.0.11:8080"]);
    mesh.balancer.update(assignment(place([endpoint(0), ...draining])));
    assert.deepEqual(
      [[...mesh.run(1_000, 100).keys()], mesh.balancer.view().panic],
      [["10.0.0.0:8080"], false],
    );
    mesh.balancer.update(assignment(place(draining)));
    assert.equal(mesh.run(1_000, 100).size, 2);
  });

  it("use degraded endpoints only for what healthy ones lack", () => {
    const loads = priorityLoads(
      [{ total: 100, healthy: 50, refusing: 0, draining: 0, degraded: 50 }],
      140,
      50,
    );
    assert.deepEqual(
      loads.map((load) => [load.degraded, Math.round(load.share * 100)]),
      [
        [false, 70],
        [true, 30],
      ],
    );
  });

  it("keep a failover place idle until the first one lacks endpoints", () => {
    const mesh = new Mesh(roundRobin);
    const failover = place(endpoints(4, 10), { zone: "far", priority: 1 });
    mesh.balancer.update(assignment(place(endpoints(4)), failover));
    assert.ok(
      [...mesh.run(1_000, 100).keys()].every(
        (address) => address.startsWith("10.0.0.") && address.length === 13,
      ),
    );
    mesh.balancer.update(assignment(place([...endpoints(1), ...unhealthy(3, 1)]), failover));
    const counts = mesh.run(10_000, 100);
    const first = counts.get("10.0.0.0:8080")!;
    assert.ok(Math.abs(first - 350) < 60, `${first} of 1000, expected 35 %`);
    assert.equal(counts.has("10.0.0.1:8080"), false);
  });
});

describe("panic", () => {
  it("ignores health below the threshold and says so, and leaves when enough are healthy again", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place([...endpoints(1), ...unhealthy(3, 1)])));
    assert.equal(mesh.run(1_000, 100).size, 4);
    assert.equal(mesh.evidence.reason, PICK_REASON.panic);
    assert.equal(mesh.balancer.view().panic, true);
    mesh.balancer.update(assignment(place(endpoints(4))));
    mesh.run(100, 100);
    assert.deepEqual(
      mesh.events.map((event) => event.kind),
      ["panic_entered", "panic_left"],
    );
  });

  it("is off at threshold 0: with nobody healthy nothing is picked", () => {
    const mesh = new Mesh(roundRobin, { panicThreshold: 0 });
    mesh.balancer.update(assignment(place(unhealthy(3, 0))));
    assert.equal(mesh.send(), "");
    mesh.balancer.update(assignment(place([endpoint(0), ...unhealthy(3, 1)])));
    assert.equal(mesh.send(), "10.0.0.0:8080");
  });
});

describe("localities", () => {
  const none = { zoneRoutingEnabled: 100, zoneMinClusterSize: 6 };

  it("share by the control plane's weights, times what of them is available", () => {
    const options = { locality: { kind: "weighted", ...none }, localZone: "" } as const;
    const all = { zone: "", weight: 1, usable: 10, total: 10 };
    assert.deepEqual(localityLoads([all, { ...all, weight: 3 }], 140, false, options), [0.25, 0.75]);
    const half = localityLoads([all, { ...all, usable: 5 }], 140, false, options)!;
    assert.ok(Math.abs(half[1]! / half[0]! - 0.7) < 1e-9);
    assert.deepEqual(localityLoads([all, { ...all, weight: undefined }], 140, false, options), [1, 0]);
  });

  it("keep requests in their zone as far as its endpoints suffice, and send the rest where some are to spare", () => {
    const options = { locality: { kind: "zone_aware", ...none }, localZone: "a" } as const;
    const zone = (name: string, usable: number) => ({ zone: name, weight: undefined, usable, total: usable });
    assert.deepEqual(localityLoads([zone("a", 5), zone("b", 5)], 140, false, options), [1, 0]);
    const loads = localityLoads([zone("a", 2), zone("b", 6)], 140, false, options)!;
    assert.deepEqual(loads, [0.5, 0.5]);
    assert.equal(localityLoads([zone("a", 1), zone("b", 2)], 140, false, options), undefined);
  });

  it("act on picks", () => {
    const mesh = new Mesh(roundRobin, { locality: { kind: "weighted", ...none } });
    const near = place(endpoints(2), { zone: "a", weight: 9 });
    mesh.balancer.update(assignment(near, place(endpoints(2, 5), { zone: "b", weight: 1 })));
    const counts = mesh.run(10_000, 100);
    const far = counts.get("10.0.0.5:8080")! + counts.get("10.0.0.6:8080")!;
    assert.ok(Math.abs(far - 100) < 40, `${far} of 1000, expected 10 %`);
  });

  it("adaptive: stays in its zone while that answers as fast, and leaves it by load, not by count", () => {
    const options = { locality: { kind: "zone_aware", ...none }, localZone: "a" } as const;
    const zones = [0, 10, 20].map((from, i) => place(endpoints(3, from), { zone: "abc"[i]! }));
    const near = new Set(["10.0.0.0:8080", "10.0.0.1:8080", "10.0.0.2:8080"]);
    const shareNear = (localMs: number) => {
      const mesh = new Mesh(adaptive, options);
      for (const address of near) mesh.behaviours.set(address, answersIn(localMs));
      mesh.balancer.update(assignment(...zones));
      mesh.run(20_000, 50);
      const counts = mesh.run(20_000, 50);
      return [...near].reduce((sum, address) => sum + (counts.get(address) ?? 0), 0) / 1_000;
    };
    assert.ok(shareNear(10) > 0.95, `${shareNear(10)} near at equal speed`);
    assert.ok(shareNear(100) < 0.1, `${shareNear(100)} near when that is ten times slower`);
  });
});
