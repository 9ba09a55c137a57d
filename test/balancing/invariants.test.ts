import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { LoadReport } from "../../sidecar/balancing/balancer.ts";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { OUTCOME, type Outcome } from "../../sidecar/balancing/outcome.ts";
import { seededRandom } from "../../xds/common/random.ts";
import { assertSound } from "./invariants.ts";
import { adaptive, answersIn, assignment, endpoint, endpoints, Mesh, place, roundRobin } from "./mesh.ts";

const seeds = { seed: 20_260_101, numRuns: 25 };
const FIRST = "10.0.0.0:8080";
const failures = [
  OUTCOME.serverError,
  OUTCOME.gatewayError,
  OUTCOME.pushback,
  OUTCOME.connectFailure,
  OUTCOME.reset,
  OUTCOME.timeout,
];

/** Answers that scatter as real ones do, the same in every run of the same seed. */
function scattered(seed: number, mean: number) {
  const random = seededRandom(seed);
  return () => ({ outcome: OUTCOME.success as Outcome, ms: mean * (0.5 - Math.log(1 - random()) / 2) });
}

describe("invariants of balancing", () => {
  for (const policy of [adaptive, roundRobin, leastRequest(), peakEwma()]) {
    it(`${policy.kind}: no failure, timeout or Retry-After raises an endpoint's share`, () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...failures),
          fc.integer(),
          fc.integer({ min: 2, max: 6 }),
          (outcome, seed, n) => {
            const shareAfter = (end: Outcome, retryAfterMs: number) => {
              const mesh = new Mesh(policy, {}, seed, scattered(seed, 10));
              mesh.balancer.update(assignment(place(endpoints(n))));
              mesh.run(1_000, 100);
              const slot = mesh.balancer.view().endpoints[0]!.slot;
              for (let i = 0; i < 3; i++) {
                const ticket = mesh.balancer.onStart(slot);
                mesh.clock.advance(10);
                mesh.balancer.onEnd(ticket, end, retryAfterMs);
              }
              return (mesh.run(2_000, 100).get(FIRST) ?? 0) / 200;
            };
            const answered = shareAfter(OUTCOME.success, 0);
            const failed = shareAfter(outcome, 5_000);
            // Chance takes other ways in the two runs; it may not make a gain of it.
            assert.ok(
              failed <= Math.max(answered, 1 / n) + 0.1,
              `${failed} after failing, ${answered} after answering`,
            );
          },
        ),
        seeds,
      );
    });
  }

  it("adaptive: every ready endpoint is tried again within a bounded number of picks, however slow it was", () => {
    for (const factor of [3, 10, 100]) {
      const mesh = new Mesh(adaptive, {}, 5);
      mesh.behaviours.set(FIRST, answersIn(10 * factor));
      mesh.balancer.update(assignment(place(endpoints(4))));
      mesh.run(5_000, 100);
      let longest = 0;
      for (let picks = 0, since = 0; picks < 5_000; picks++) {
        since = mesh.send() === FIRST ? 0 : since + 1;
        longest = Math.max(longest, since);
        mesh.clock.advance(10);
      }
      assert.ok(
        longest <= 4 * (1 / 0.003 + 1) + 400,
        `${longest} picks without a try, ${factor} times slower`,
      );
    }
  });

  for (const policy of [adaptive, roundRobin, { kind: "random" } as const, leastRequest()]) {
    it(`${policy.kind}: the operator's weight is a multiplier between equal endpoints`, () => {
      const mesh = new Mesh(policy, {}, 3);
      mesh.balancer.update(assignment(place([endpoint(0, { weight: 3 }), ...endpoints(3, 1)])));
      const counts = mesh.run(20_000, 100);
      const share = counts.get(FIRST)! / 2_000;
      assert.ok(Math.abs(share - 0.5) < 0.06, `weight 3 beside three of weight 1 got ${share}`);
    });
  }

  for (const perSecond of [20, 100]) {
    it(`adaptive: equals whose answers scatter get about equal shares at ${perSecond} requests per second`, () => {
      const mesh = new Mesh(adaptive, {}, 1, scattered(1, 10));
      mesh.balancer.update(assignment(place(endpoints(3))));
      mesh.run(10_000, perSecond);
      const counts = mesh.run(60_000, perSecond);
      for (const [address, count] of counts) {
        const share = count / (60 * perSecond);
        assert.ok(Math.abs(share - 1 / 3) < 0.06, `${address} got ${share}`);
      }
    });

    it(`adaptive: weights are multipliers between endpoints whose answers scatter, at ${perSecond} per second`, () => {
      const mesh = new Mesh(adaptive, {}, 1, scattered(1, 10));
      mesh.balancer.update(assignment(place([endpoint(0, { weight: 2 }), ...endpoints(2, 1)])));
      mesh.run(10_000, perSecond);
      const share = mesh.run(60_000, perSecond).get(FIRST)! / (60 * perSecond);
      assert.ok(Math.abs(share - 0.5) < 0.1, `weight 2 beside two of weight 1 got ${share}`);
    });
  }

  it("adaptive: weights of any scale mean the same", () => {
    const counts = (weight: number) => {
      const mesh = new Mesh(adaptive, {}, 3, scattered(1, 10));
      mesh.balancer.update(assignment(place(endpoints(5).map((e) => ({ ...e, weight })))));
      return mesh.run(3_000, 300);
    };
    assert.deepEqual(counts(1), counts(1_000));
  });

  it("keeps every number finite and in bounds, whatever is reported", () => {
    const wild = fc.oneof(
      fc.double(),
      fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e308, 1e-308),
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ rif: wild, cores: wild, cpu: wild, rps: wild, eps: wild, ra: wild }), {
          maxLength: 40,
        }),
        (reports) => {
          for (const policy of [adaptive, clientSideWrr()]) {
            const mesh = new Mesh(policy, {}, 1, scattered(2, 5));
            mesh.balancer.update(assignment(place(endpoints(4))));
            for (const [i, { rif, cores, cpu, rps, eps, ra }] of reports.entries()) {
              const slot = mesh.balancer.pick({ hash: undefined, tried: [] }, mesh.evidence);
              const ticket = mesh.balancer.onStart(slot);
              const report = { rif, cores, cpuUtilization: cpu, applicationUtilization: eps, rps, eps };
              mesh.balancer.onLoadReport(slot, {
                ...report,
                named: new Map([["x", cpu]]),
              } satisfies LoadReport);
              mesh.balancer.onStall(ra);
              mesh.clock.advance(i * 7);
              mesh.balancer.onEnd(ticket, (i % 9) as Outcome, ra);
            }
            mesh.run(3_000, 50);
            assertSound(mesh);
            assert.ok(mesh.send() !== "");
          }
        },
      ),
      seeds,
    );
  });

  it("does not let a cluster of equals settle on one endpoint", () => {
    const mesh = new Mesh(adaptive, {}, 1);
    mesh.balancer.update(assignment(place(endpoints(3))));
    const counts = mesh.run(10_000, 20);
    for (const count of counts.values()) assert.ok(count > 40, `${count} of 200`);
  });

  it("does not take a long answer for a hung endpoint once its head has come", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(2))));
    mesh.run(1_000, 100);
    const slot = mesh.balancer.view().endpoints[0]!.slot;
    const tickets = [mesh.balancer.onStart(slot), mesh.balancer.onStart(slot)];
    mesh.clock.advance(5);
    for (const ticket of tickets) mesh.balancer.onResponse(ticket);
    mesh.run(20_000, 20);
    const view = mesh.balancer.view().endpoints[0]!;
    assert.equal(view.state, "healthy");
    assert.equal(view.oldestInFlightMs, 0);
    assert.equal(view.inFlight >= 2, true);
    for (const ticket of tickets) mesh.balancer.onEnd(ticket, OUTCOME.success);
    assert.ok(mesh.balancer.view().endpoints[0]!.latencyMs < 20);
  });

  it("keeps what was learned of 10,000 endpoints when some leave, some come and all are sent again", () => {
    const mesh = new Mesh(adaptive, {}, 1, scattered(4, 10));
    mesh.balancer.update(assignment(place(endpoints(10_000))));
    mesh.run(2_000, 2_000);
    const before = new Map(mesh.balancer.view().endpoints.map((e) => [e.address, e]));
    mesh.balancer.update(assignment(place(endpoints(10_000, 100).reverse())));
    let stayed = 0;
    for (const e of mesh.balancer.view().endpoints) {
      const old = before.get(e.address);
      if (old === undefined) continue;
      stayed++;
      assert.deepEqual(
        [e.slot, e.latencyMs, e.picks, e.inFlight],
        [old.slot, old.latencyMs, old.picks, old.inFlight],
      );
    }
    assert.equal(stayed, 9_900);
  });

  for (const policy of [adaptive, roundRobin, leastRequest()]) {
    it(`${policy.kind}: asking for a pick changes nothing until an attempt begins`, () => {
      const picks = (asks: number) => {
        // A draw that never changes: what differs then is what asking left behind.
        const mesh = new Mesh(policy, {}, 1, answersIn(10), () => 0.4);
        mesh.balancer.update(assignment(place([...endpoints(4), endpoint(4, { weight: 2 })])));
        return Array.from({ length: 300 }, () => {
          for (let i = 0; i < asks; i++) mesh.balancer.pick({ hash: undefined, tried: [] }, mesh.evidence);
          mesh.clock.advance(5);
          return mesh.send();
        });
      };
      assert.deepEqual(picks(5), picks(0));
    });
  }

  it("takes the end of an attempt once only", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(1))));
    const slot = mesh.balancer.pick({ hash: undefined, tried: [] }, mesh.evidence);
    const first = mesh.balancer.onStart(slot);
    mesh.balancer.onEnd(first, OUTCOME.success);
    const second = mesh.balancer.onStart(slot);
    mesh.balancer.onEnd(first, OUTCOME.timeout);
    mesh.balancer.onResponse(first);
    assert.equal(mesh.balancer.view().endpoints[0]!.inFlight, 1);
    mesh.balancer.onEnd(second, OUTCOME.success);
    assert.equal(mesh.balancer.view().endpoints[0]!.failures, 0);
  });
});

function leastRequest(): ResolvedPolicy {
  return {
    kind: "least_request",
    choiceCount: 2,
    activeRequestBias: 1,
    fullScan: false,
    slowStart: undefined,
  };
}

function peakEwma(): ResolvedPolicy {
  return { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 30, choiceCount: 2 };
}

function clientSideWrr(): ResolvedPolicy {
  return {
    kind: "client_side_weighted_round_robin",
    blackoutMs: 0,
    weightExpirationMs: 180_000,
    weightUpdateMs: 1_000,
    errorUtilizationPenalty: 1,
    metricNames: ["x"],
  };
}
