import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Ticket } from "../../sidecar/balancing/balancer.ts";
import type { BalancerOptions, ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { OUTCOME, type Outcome } from "../../sidecar/balancing/outcome.ts";
import type { OutlierDetection } from "../../xds/model/cluster.ts";
import { assertSound } from "./invariants.ts";
import {
  adaptive,
  answersIn,
  assignment,
  ENVOY_DEFAULTS,
  endpoint,
  endpoints,
  hashOf,
  Mesh,
  place,
  roundRobin,
} from "./mesh.ts";

const ENVOY: OutlierDetection = {
  ...ENVOY_DEFAULTS,
  maxEjectionPercent: 50,
  alwaysEjectOneHost: true,
  enforcingSuccessRate: 0,
};

const POLICIES: readonly ResolvedPolicy[] = [
  adaptive,
  { kind: "adaptive", scanLimit: 4, decayMs: 500, weightUpdateMs: 100 },
  roundRobin,
  { kind: "round_robin", slowStart: { windowMs: 3_000, aggression: 2, minWeight: 0.1 } },
  { kind: "random" },
  { kind: "least_request", choiceCount: 3, activeRequestBias: 1, fullScan: false, slowStart: undefined },
  { kind: "ring_hash", minimumSize: 64, maximumSize: 512, useHostname: false, balanceFactor: 150 },
  { kind: "maglev", tableSize: 251, useHostname: false, balanceFactor: undefined },
  { kind: "peak_ewma", decayMs: 1_000, defaultRttMs: 10, choiceCount: 2 },
];

const OPTIONS: readonly BalancerOptions[] = [
  {},
  { outlierDetection: ENVOY },
  { outlierDetection: { ...ENVOY, consecutive5xx: 2, intervalMs: 1_000 }, panicThreshold: 0 },
  { panicThreshold: 100 },
];

describe("another policy, or other settings of it", () => {
  it("leaves latencies, failures, picks, slots and learned weights as they were, there and back", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(4))));
    let calls = 0;
    mesh.behaviours.set("10.0.0.1:8080", answersIn(40));
    mesh.behaviours.set("10.0.0.2:8080", () => ({
      outcome: ++calls % 5 === 0 ? OUTCOME.serverError : OUTCOME.success,
      ms: 5,
    }));
    mesh.run(30_000, 100);
    const known = () =>
      mesh.balancer.view().endpoints.map(({ slot, latencyMs, failures, picks, share }) => ({
        ...{ slot, latencyMs, failures, picks, share },
      }));
    const weights = () => mesh.balancer.view().endpoints.map(({ weight }) => weight);
    const before = known();
    const learned = weights();
    assert.ok(learned[2]! < learned[0]!, `the failing one weighs less: ${learned}`);
    mesh.balancer.configure(roundRobin, {});
    assert.deepEqual(known(), before);
    assert.deepEqual(weights(), [1, 1, 1, 1], "round robin goes by the operator's weights alone");
    const turns = mesh.run(4_000, 100);
    assert.deepEqual([...turns.values()], [100, 100, 100, 100]);
    mesh.balancer.configure(adaptive, {});
    assert.deepEqual(weights(), learned);
  });

  it("keeps an ejection for its whole time, whoever decided on it", () => {
    for (const [from, to] of [
      [{}, { outlierDetection: ENVOY }],
      [{ outlierDetection: ENVOY }, {}],
    ] as const) {
      const mesh = new Mesh(adaptive, from);
      mesh.balancer.update(assignment(place(endpoints(4))));
      for (let i = 0; i < 5; i++) mesh.balancer.onEnd(mesh.balancer.onStart(0), OUTCOME.serverError);
      const left = mesh.balancer.view().endpoints[0]!.ejectedForMs;
      assert.ok(left > 0);
      mesh.balancer.configure(roundRobin, to);
      assert.equal(mesh.balancer.view().endpoints[0]?.ejectedForMs, left);
      assert.equal(mesh.run(left - 100, 100).get("10.0.0.0:8080"), undefined);
      mesh.run(5_000, 100);
      assert.notEqual(mesh.state("10.0.0.0:8080"), "ejected");
    }
  });

  it("admits who waits for a trial when trials end", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(4))));
    for (let i = 0; i < 5; i++) mesh.balancer.onEnd(mesh.balancer.onStart(0), OUTCOME.serverError);
    mesh.clock.advance(4_000);
    mesh.balancer.tick();
    assert.equal(mesh.state("10.0.0.0:8080"), "probation");
    mesh.balancer.configure(roundRobin, { outlierDetection: ENVOY });
    assert.equal(mesh.state("10.0.0.0:8080"), "healthy");
    assert.ok(mesh.run(1_000, 100).has("10.0.0.0:8080"));
  });

  it("goes on counting toward Envoy's limits when these change", () => {
    const mesh = new Mesh(roundRobin, { outlierDetection: ENVOY });
    mesh.balancer.update(assignment(place(endpoints(4))));
    for (let i = 0; i < 4; i++) mesh.balancer.onEnd(mesh.balancer.onStart(0), OUTCOME.serverError);
    mesh.balancer.configure(roundRobin, { outlierDetection: { ...ENVOY, baseEjectionMs: 1_000 } });
    mesh.balancer.onEnd(mesh.balancer.onStart(0), OUTCOME.serverError);
    assert.equal(mesh.state("10.0.0.0:8080"), "ejected");
  });

  it("at any moment under load: every attempt ends on the books, who is ejected stays so, nobody is starved", () => {
    const step = fc.record({
      what: fc.constantFrom("start", "start", "start", "end", "end", "wait", "configure", "members"),
      number: fc.nat({ max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 300 }), fc.integer(), (steps, seed) => {
        const mesh = new Mesh(adaptive, {}, seed);
        const { balancer } = mesh;
        const open: Ticket[] = [];
        let count = 6;
        balancer.update(assignment(place(endpoints(count))));
        for (const { what, number } of steps) {
          if (what === "start") {
            const slot = balancer.pick({ hash: hashOf(number), tried: [] }, mesh.evidence);
            assert.ok(slot >= 0);
            open.push(balancer.onStart(slot));
          } else if (what === "end") {
            const [ticket] = open.splice(number % Math.max(1, open.length), 1);
            if (ticket !== undefined) balancer.onEnd(ticket, (number % 9) as Outcome);
          } else if (what === "wait") {
            mesh.clock.advance(number / 10);
            balancer.tick();
          } else if (what === "members") {
            count = 3 + (number % 20);
            balancer.update(assignment(place(endpoints(count))));
          } else {
            const before = balancer.view().endpoints;
            balancer.configure(POLICIES[number % POLICIES.length]!, OPTIONS[number % OPTIONS.length]!);
            const after = balancer.view().endpoints;
            for (const [i, { slot, inFlight, state, ejectedForMs, latencyMs }] of before.entries()) {
              assert.deepEqual(
                [slot, inFlight, latencyMs],
                [after[i]?.slot, after[i]?.inFlight, after[i]?.latencyMs],
              );
              if (state === "ejected") assert.equal(after[i]?.ejectedForMs, ejectedForMs);
            }
          }
          assertSound(mesh);
        }
        balancer.update(assignment(place(Array.from({ length: 10 }, (_, i) => endpoint(i)))));
        for (const ticket of open) balancer.onEnd(ticket, OUTCOME.success);
        assert.ok(balancer.view().endpoints.every(({ inFlight }) => inFlight === 0));
        const seen = new Set<string>();
        for (let i = 0; i < 6_000 && seen.size < 10; i++) {
          seen.add(mesh.send(Math.imul(i, 0x9e3779b1) >>> 0));
          mesh.clock.advance(10);
        }
        assert.equal(seen.size, 10);
      }),
      { seed: 41, numRuns: 60 },
    );
  });
});
