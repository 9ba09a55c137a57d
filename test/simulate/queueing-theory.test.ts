import assert from "node:assert/strict";
import test from "node:test";
import { meanCost } from "../../sidecar/simulate/cost.ts";
import { findPolicy, runScenario } from "../../sidecar/simulate/index.ts";
import type { Recording } from "../../sidecar/simulate/recording.ts";
import { scenario } from "./scenarios.ts";

const random = findPolicy("random")!;

function meanLatency({ latency, requests }: Recording): number {
  let sum = 0;
  for (let i = 0; i < requests; i++) sum += latency[i]!;
  return sum / requests;
}

function oneServer(cost: string, load: number): Recording {
  const lines = ["duration: 80s", "clients: 3", "endpoints: [{ cores: 1 }]", "timeout: 60s"];
  const quiet = scenario(...lines, "network: { latency: 0ms }", `cost: ${cost}`, `load: ${load}`);
  return runScenario(quiet, { policy: random, seed: 7 }).recording;
}

test("one core with Poisson arrivals answers in the mean time of M/G/1 processor sharing, whatever the cost looks like", () => {
  const costs = [
    "{ distribution: exponential, mean: 1ms }",
    "{ distribution: lognormal, mean: 1ms, cv: 2 }",
    "{ distribution: bimodal, short: 0.5ms, long: 5.5ms, long_part: 0.1 }",
  ];
  for (const cost of costs) {
    const expected = 1 / (1 - 0.6);
    const mean = meanLatency(oneServer(cost, 0.6));
    assert.ok(Math.abs(mean / expected - 1) < 0.08, `${cost}: ${mean} instead of ${expected}`);
  }
});

test("random splitting over several servers gives each the mean time of its own queue", () => {
  const four = scenario(
    "duration: 60s",
    "endpoints: [{ count: 4, cores: 1 }]",
    "network: { latency: 0ms }",
    "cost: { mean: 2ms }",
    "load: 0.5",
  );
  const mean = meanLatency(runScenario(four, { policy: random, seed: 3 }).recording);
  assert.ok(Math.abs(mean / 4 - 1) < 0.06, `${mean} instead of 4`);
});

test("every cost distribution draws the mean that load is computed from", () => {
  assert.equal(meanCost({ kind: "bimodal", shortMs: 2, longMs: 80, longPart: 0.1 }), 9.8);
  const cut = meanCost({ kind: "normal", meanMs: 10, deviationMs: 10 });
  assert.ok(Math.abs(cut - 10.8332) < 1e-3, String(cut));
});
