import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Ticket } from "../../sidecar/balancing/balancer.ts";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import type { Outcome } from "../../sidecar/balancing/outcome.ts";
import type { Endpoint, EndpointHealth } from "../../xds/model/endpoint.ts";
import { assertSound } from "./invariants.ts";
import { assignment, endpoint, hashOf, Mesh, place } from "./mesh.ts";

const MEMBERS = 12;

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("start" as const), key: fc.nat() }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat(), outcome: fc.nat({ max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("respond" as const), which: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(0, 1, 50, 900, 5_000, 3_600_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("member" as const),
      index: fc.nat({ max: MEMBERS - 1 }),
      weight: fc.nat({ max: 500 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("health" as const),
      index: fc.nat({ max: MEMBERS - 1 }),
      health: fc.constantFrom<EndpointHealth>("healthy", "degraded", "draining", "unhealthy"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("check" as const),
      index: fc.nat({ max: MEMBERS }),
      healthy: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      which: fc.nat({ max: 15 }),
      rif: fc.double(),
      cores: fc.double(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stall" as const), ms: fc.double() }) },
);

const policies: ResolvedPolicy[] = [
  { kind: "adaptive" },
  { kind: "adaptive", scanLimit: 4, decayMs: 500, weightUpdateMs: 100 },
  { kind: "round_robin", slowStart: { windowMs: 3_000, aggression: 2, minWeight: 0.1 } },
  { kind: "least_request", choiceCount: 3, activeRequestBias: 2, fullScan: false, slowStart: undefined },
  { kind: "ring_hash", minimumSize: 64, maximumSize: 512, useHostname: false, balanceFactor: 150 },
  { kind: "maglev", tableSize: 251, useHostname: false, balanceFactor: undefined },
  { kind: "peak_ewma", decayMs: 1_000, defaultRttMs: 10, choiceCount: 2 },
];

/** The cluster as the control plane means it: what the balancer is compared with. */
class Expected {
  readonly members: (Endpoint | undefined)[] = Array.from({ length: MEMBERS }, () => undefined);

  assignment() {
    const of = (priority: number) =>
      this.members.filter((e, i) => e !== undefined && i % 2 === priority) as Endpoint[];
    return assignment(place(of(0)), place(of(1), { zone: "far", priority: 1 }));
  }

  isUsable(address: string): boolean {
    return this.members.some((e) => e !== undefined && `${e.host}:${e.port}` === address);
  }
}

describe("the balancer under anything", () => {
  for (const [i, policy] of policies.entries()) {
    it(`${policy.kind} (${i}): stays sound, picks only members, starves nobody and leaks nothing`, () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), fc.integer(), (steps, seed) => {
          const mesh = new Mesh(policy, {}, seed);
          const expected = new Expected();
          const open: Ticket[] = [];
          for (const s of steps) {
            const { balancer } = mesh;
            if (s.do === "start") {
              const slot = balancer.pick({ hash: hashOf(s.key), tried: [] }, mesh.evidence);
              if (slot >= 0) {
                assert.ok(
                  expected.isUsable(balancer.address(slot)),
                  `picked ${balancer.address(slot)}, which left`,
                );
                open.push(balancer.onStart(slot));
              } else if (expected.members.some((e) => e?.health === "healthy")) {
                // Nothing may be picked only where active health checks or ejections leave nobody; never without them.
                assert.equal(balancer.view().endpoints.length === 0, false);
              }
            } else if (s.do === "end") {
              const ticket = open.splice(s.which % Math.max(1, open.length), 1)[0];
              if (ticket !== undefined) balancer.onEnd(ticket, s.outcome as Outcome, s.which % 5_000);
            } else if (s.do === "respond") {
              const ticket = open[s.which % Math.max(1, open.length)];
              if (ticket !== undefined) balancer.onResponse(ticket);
            } else if (s.do === "wait") {
              mesh.clock.advance(s.ms);
              balancer.tick();
            } else if (s.do === "member") {
              expected.members[s.index] =
                s.weight === 0 ? undefined : endpoint(s.index, { weight: s.weight });
              balancer.update(expected.assignment());
            } else if (s.do === "health") {
              const old = expected.members[s.index];
              if (old) expected.members[s.index] = { ...old, health: s.health };
              balancer.update(expected.assignment());
            } else if (s.do === "check") {
              balancer.onHealthCheck(`10.0.0.${s.index}:8080`, s.healthy);
            } else if (s.do === "report") {
              const numbers = {
                cpuUtilization: s.rif,
                applicationUtilization: s.cores,
                rps: s.cores,
                eps: s.rif,
              };
              balancer.onLoadReport(s.which, { rif: s.rif, cores: s.cores, ...numbers, named: new Map() });
            } else balancer.onStall(s.ms);
            assertSound(mesh);
          }
          settle(mesh, expected, open);
        }),
        { seed: 77, numRuns: 25 },
      );
    });
  }
});

/** All attempts end, all members turn healthy: then nothing is in flight, and every member of the first place gets traffic. */
function settle(mesh: Mesh, expected: Expected, open: Ticket[]): void {
  for (const ticket of open) mesh.balancer.onEnd(ticket, 0);
  for (let i = 0; i < MEMBERS; i++) expected.members[i] = endpoint(i);
  mesh.balancer.update(expected.assignment());
  for (let i = 0; i < MEMBERS; i++) mesh.balancer.onHealthCheck(`10.0.0.${i}:8080`, true);
  assert.ok(mesh.balancer.view().endpoints.every((e) => e.inFlight === 0));
  const seen = new Set<string>();
  for (let i = 0; i < 4_000; i++) {
    seen.add(mesh.send(Math.imul(i, 0x9e3779b1) >>> 0));
    mesh.clock.advance(10);
  }
  for (let i = 0; i < MEMBERS; i += 2) assert.ok(seen.has(`10.0.0.${i}:8080`), `10.0.0.${i} is starved`);
}
