import assert from "node:assert/strict";
import test from "node:test";
import {
  findPolicy,
  POLICIES,
  type Result,
  runScenario,
  type Scenario,
} from "../../sidecar/simulate/index.ts";
import { scenario } from "./scenarios.ts";

const SMALL = ["duration: 10s", "clients: 10", "endpoints: [{ count: 5 }]", "load: 0.5"];

function run(of: Scenario, policy: string, seed = 1): Result {
  return runScenario(of, { policy: findPolicy(policy)!, seed }).result;
}

function faulty(kind: string, ...more: readonly string[]): Scenario {
  const fault = `{ kind: ${kind}, endpoints: [0], from: 4s, to: 7s }`;
  return scenario(...SMALL, `faults: [${fault}]`, ...more);
}

test("the same scenario, policy and seed give the same run, another seed another", () => {
  const small = faulty("slow, speed: 0.2", "reports: true");
  for (const policy of ["adaptive", "prequal"]) {
    assert.deepEqual(run(small, policy, 5), run(small, policy, 5));
    assert.notDeepEqual(run(small, policy, 5), run(small, policy, 6));
  }
});

test("every policy carries light load without a failure", () => {
  const light = scenario("duration: 3s", "clients: 5", "endpoints: [{ count: 5 }]", "load: 0.3");
  for (const { name } of POLICIES) {
    const [phase] = run(light, name).phases;
    assert.equal(phase!.failedRequests, 0, name);
    assert.ok(phase!.requests > 500 && phase!.p99 < 200, `${name}: p99 ${phase!.p99} ms`);
  }
});

test("each kind of fault shows as itself", () => {
  const tries = (kind: string) => {
    const { fault } = run(faulty(kind, "timeout: 500ms"), "random");
    return fault!.failedTries / fault!.share;
  };
  const all = tries("refuse");
  assert.ok(all > 1_200, `${all} of about 1500 tries`);
  assert.ok(tries("errors") > 1_200);
  assert.ok(tries("black_hole") > 1_200);
  const part = tries("errors, part: 0.3") / all;
  assert.ok(Math.abs(part - 0.3) < 0.1, `${part} of the tries failed instead of 0.3`);
  assert.equal(run(faulty("absent"), "random").fault!.share, 0);
  const slow = run(faulty("slow, speed: 0.3"), "random").fault!;
  assert.ok(slow.p99.during > 2 * slow.p99.before);
});

test("a retry on another endpoint hides an endpoint that fails", () => {
  for (const kind of ["refuse", "errors", "black_hole"]) {
    const without = run(faulty(kind, "timeout: 500ms"), "adaptive").fault!;
    assert.ok(without.failedRequests > 0, kind);
    const { fault } = run(faulty(kind, "timeout: 500ms", "retry: { tries: 2 }"), "adaptive");
    assert.equal(fault!.failedRequests, 0, kind);
  }
});

test("a fault that repeats comes and goes", () => {
  const flapping = scenario(...SMALL, "faults: [{ kind: refuse, endpoints: [0], every: 2s, length: 500ms }]");
  const { phases, fault } = run(flapping, "random");
  const failed = phases[0]!.failedTries / phases[0]!.tries;
  assert.equal(fault, undefined);
  assert.ok(failed > 0.02 && failed < 0.1, `${failed} of the tries failed, a twentieth was expected`);
});

test("the rate follows its steps", () => {
  const steps = scenario(
    ...SMALL.slice(0, 3),
    "steps: [{ at: 0s, rate: 100 }, { at: 5s, rate: 400 }]",
    "phases: [{ name: low, from: 0s, to: 5s }, { name: high, from: 5s, to: 10s }]",
  );
  const [low, high] = run(steps, "round_robin").phases;
  assert.ok(Math.abs(low!.requests - 500) < 80 && Math.abs(high!.requests - 2_000) < 160);
});

test("zones cost their distance, and zone awareness saves it", () => {
  const lines = [
    ...SMALL.slice(0, 2),
    "endpoints: [{ count: 4, zone: a }, { count: 4, zone: b }]",
    "load: 0.2",
    "cost: { distribution: bimodal, short: 1ms, long: 1ms }",
    "network: { latency: 0ms, cross_zone: 5ms, jitter: 0 }",
  ];
  const blind = run(scenario(...lines), "round_robin").phases[0]!;
  const aware = run(scenario(...lines, "locality: zone_aware"), "round_robin").phases[0]!;
  assert.ok(blind.p50 > 1 && blind.p99 >= 11);
  assert.ok(aware.p99 < 5, `p99 ${aware.p99} ms`);
});

test("the oracle is not beaten, and capacity-blind rotation drowns its slow half", () => {
  const lines = [
    "duration: 15s",
    "clients: 10",
    "endpoints: [{ count: 5, speed: 1.4 }, { count: 5, speed: 0.6 }]",
  ];
  const uneven = scenario(...lines, "load: 0.8");
  const p99 = (policy: string) => run(uneven, policy).phases[0]!.p99;
  const oracle = p99("oracle");
  for (const policy of ["adaptive", "c3", "prequal", "peak_ewma"]) {
    assert.ok(p99(policy) >= oracle, policy);
    assert.ok(p99(policy) < p99("round_robin") / 2, policy);
  }
});
