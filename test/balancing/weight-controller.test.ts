import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { dampedStep, weightTarget } from "../../sidecar/balancing/weight-controller.ts";
import { adaptive, assignment, endpoints, Mesh, place } from "./mesh.ts";

const logarithm = fc.double({ min: Math.log(0.03), max: Math.log(4), noNaN: true });

describe("the slow loop", () => {
  it("goes at most 40 % down and 22 % up in one step, and never past its target", () => {
    fc.assert(
      fc.property(logarithm, logarithm, (current, target) => {
        const { next } = dampedStep(current, target);
        assert.ok(next - current <= 0.2 + 1e-9 && next - current >= -0.5 - 1e-9);
        assert.ok((next - current) * (target - current) >= 0);
        assert.ok(Math.abs(next - current) <= Math.abs(target - current) + 1e-9);
      }),
      { seed: 5, numRuns: 1_000 },
    );
  });

  it("arrives within the deadband of a target that stays", () => {
    fc.assert(
      fc.property(logarithm, logarithm, (from, target) => {
        let current = from;
        for (let i = 0; i < 60; i++) current = dampedStep(current, target).next;
        assert.ok(Math.abs(current - target) < 0.05);
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  it("never aims higher for more failures, nor for slower answers, and stays in bounds", () => {
    const part = fc.double({ min: -1, max: 2, noNaN: true });
    const slowness = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        part,
        part,
        slowness,
        slowness,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (e1, e2, s1, s2, trust) => {
          const low = weightTarget(Math.min(e1, e2), Math.min(s1, s2), 0.5, trust);
          const high = weightTarget(Math.max(e1, e2), Math.max(s1, s2), 0.5, trust);
          assert.ok(high <= low + 1e-12);
          assert.ok(low <= Math.log(4) && high >= Math.log(0.03));
        },
      ),
      { seed: 7, numRuns: 1_000 },
    );
  });

  it("names what limited a step", () => {
    assert.equal(dampedStep(0, 0.01).limitedBy, "deadband");
    assert.equal(dampedStep(0, 0.2).limitedBy, "none");
    assert.equal(dampedStep(0, 1).limitedBy, "step_up");
    assert.equal(dampedStep(0, -2).limitedBy, "step_down");
    assert.equal(dampedStep(Math.log(0.031), Math.log(0.0301) - 0.2).limitedBy, "floor");
    assert.equal(dampedStep(Math.log(3.9), Math.log(3.9) + 1).limitedBy, "ceiling");
  });

  it("takes weight from an endpoint that fails now and then, explains it, and gives it back", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(4))));
    let sent = 0;
    mesh.behaviours.set("10.0.0.0:8080", () => ({
      outcome: sent++ % 4 === 0 ? OUTCOME.serverError : OUTCOME.success,
      ms: 40,
    }));
    const first = () => mesh.balancer.view().endpoints[0]!;
    mesh.run(15_000, 400);
    assert.ok(first().weight < 0.9, `weight ${first().weight}`);
    assert.ok(first().weightStep.target < 1 && first().weightStep.confidence > 0);
    mesh.behaviours.delete("10.0.0.0:8080");
    mesh.run(40_000, 400);
    assert.ok(Math.abs(first().weight - 1) < 0.1, `weight ${first().weight}`);
  });
});
