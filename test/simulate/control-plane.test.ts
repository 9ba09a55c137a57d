import assert from "node:assert/strict";
import test from "node:test";
import { findPolicy, type Run, runScenario } from "../../sidecar/simulate/index.ts";
import { shareOf } from "../../sidecar/simulate/shares.ts";
import { scenario } from "./scenarios.ts";

const MESH = ["duration: 18s", "clients: 10", "load: 0.5", "timeout: 500ms"];
const TEN = [...MESH, "endpoints: [{ count: 10 }]"];
const CHECKED = "health_check: { interval: 500ms, timeout: 200ms }";

function run(policy: string, ...lines: readonly string[]): Run {
  return runScenario(scenario(...lines), { policy: findPolicy(policy)!, seed: 1 });
}

function fault(text: string): string {
  return `faults: [{ ${text}, from: 4s, to: 8s }]`;
}

test("an endpoint that answers 429 is spared for the time it names, and comes back", () => {
  for (const policy of ["round_robin", "adaptive", "adaptive_reports"]) {
    const { recording, result } = run(
      policy,
      ...TEN,
      fault("kind: push_back, retry_after: 2s, endpoints: [0]"),
    );
    assert.ok(result.fault!.failedTries > 0, policy);
    const spared = shareOf(recording, 4_500, 8_000, [0]);
    assert.ok(spared < 0.025, `${policy}: ${spared} of the tries went to it while it asked to be spared`);
    const back = shareOf(recording, 13_000, 18_000, [0]);
    assert.ok(back > 0.07, `${policy}: ${back} of the tries some seconds later`);
  }
});

test("an endpoint that turns away what it has no room for is used up to its limit", () => {
  const { recording, result } = run(
    "adaptive",
    ...TEN,
    fault("kind: push_back, limit: 2, retry_after: 100ms, endpoints: [0]"),
  );
  const limited = shareOf(recording, 5_000, 8_000, [0]);
  assert.ok(limited > 0.005 && limited < 0.15, `${limited} of the tries`);
  assert.ok(result.fault!.failedTries < 0.1 * result.phases[0]!.tries * limited);
});

test("a draining endpoint answers what it has and gets nothing new, under every kind of policy", () => {
  for (const policy of ["round_robin", "adaptive", "c3"]) {
    const { recording, result } = run(policy, ...TEN, fault("kind: drain, endpoints: [0, 1]"));
    assert.equal(result.phases[0]!.failedTries, 0, policy);
    assert.equal(shareOf(recording, 4_000, 8_000, [0, 1]), 0, policy);
    assert.ok(shareOf(recording, 10_000, 18_000, [0, 1]) > 0.1, policy);
  }
});

const NEAR = [0, 1, 2, 3];
const FAR = [4, 5, 6, 7];
const PRIORITIES = [
  ...MESH.filter((line) => !line.startsWith("load")),
  "endpoints: [{ count: 4, zone: near }, { count: 4, zone: far, priority: 1 }]",
  "load: 0.2",
  CHECKED,
];

test("the next priority carries what too few healthy endpoints of the first cannot, and gives it back", () => {
  for (const policy of ["round_robin", "adaptive"]) {
    const half = run(policy, ...PRIORITIES, fault("kind: refuse, endpoints: [0, 1]")).recording;
    assert.equal(shareOf(half, 1_000, 4_000, FAR), 0, policy);
    const spilled = shareOf(half, 6_000, 8_000, FAR);
    assert.ok(Math.abs(spilled - 0.3) < 0.06, `${policy}: ${spilled} instead of 1 - 1.4 * 2/4`);
    assert.equal(shareOf(half, 10_000, 18_000, FAR), 0, `${policy}: all is back`);
    const quarter = run(policy, ...PRIORITIES, fault("kind: refuse, endpoints: [0]")).recording;
    assert.equal(shareOf(quarter, 6_000, 8_000, FAR), 0, `${policy}: 1.4 * 3/4 is more than all`);
    const none = run(policy, ...PRIORITIES, fault("kind: refuse, endpoints: [0, 1, 2, 3]")).recording;
    assert.equal(shareOf(none, 6_000, 8_000, NEAR), 0, policy);
    assert.equal(shareOf(none, 10_000, 18_000, FAR), 0, policy);
  }
});

test("without active checks, too, sidecars fail over from endpoints that refuse connections, and back", () => {
  const lines = PRIORITIES.filter((line) => line !== CHECKED);
  // Long enough for each sidecar to have met both by itself.
  const long = "faults: [{ kind: refuse, endpoints: [0, 1], from: 2s, to: 14s }]";
  const half = run("adaptive", ...lines, long).recording;
  const spilled = shareOf(half, 8_000, 14_000, FAR);
  assert.ok(Math.abs(spilled - 0.3) < 0.03, `${spilled} instead of 1 - 1.4 * 2/4`);
  assert.ok(shareOf(half, 16_000, 18_000, FAR) < 0.01);
  const none = run("adaptive", ...lines, fault("kind: refuse, endpoints: [0, 1, 2, 3]")).recording;
  assert.ok(shareOf(none, 5_000, 8_000, FAR) > 0.97);
  assert.ok(shareOf(none, 14_000, 18_000, FAR) < 0.01);
});

test("draining endpoints are no loss to their priority", () => {
  const lines = PRIORITIES.filter((line) => line !== CHECKED);
  const { recording, result } = run("adaptive", ...lines, fault("kind: drain, endpoints: [0, 1]"));
  assert.equal(result.phases[0]!.failedTries, 0);
  assert.equal(shareOf(recording, 4_500, 8_000, FAR), 0);
});

test("active checks take out an endpoint that a policy without ejection would use on, and bring it back", () => {
  for (const kind of ["black_hole", "refuse"]) {
    const lost = (...more: string[]): number =>
      run("round_robin", ...TEN, fault(`kind: ${kind}, endpoints: [0]`), ...more).result.fault!.failedTries;
    assert.ok(lost(CHECKED) < 0.4 * lost(), kind);
    const { recording } = run("round_robin", ...TEN, fault(`kind: ${kind}, endpoints: [0]`), CHECKED);
    assert.equal(shareOf(recording, 6_000, 8_000, [0]), 0, kind);
    assert.ok(shareOf(recording, 10_000, 18_000, [0]) > 0.08, kind);
  }
});

test("an endpoint that is merely slow passes its checks", () => {
  const { recording } = run("round_robin", ...TEN, fault("kind: slow, speed: 0.7, endpoints: [0]"), CHECKED);
  assert.ok(shareOf(recording, 6_000, 8_000, [0]) > 0.09);
});
