import assert from "node:assert/strict";
import test from "node:test";
import { fileURLToPath } from "node:url";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { loadScenario, production, runScenario } from "../../sidecar/simulate/index.ts";
import type { Recording } from "../../sidecar/simulate/recording.ts";
import { shareOf } from "../../sidecar/simulate/shares.ts";
import { scenario as scenarioOf } from "../simulate/scenarios.ts";
import { runOnLoopback } from "./run-on-loopback.ts";

const ADAPTIVE: ResolvedPolicy = { kind: "adaptive" };
const SEED = 1;
const SLOW = 0;
const FAILING = 1;
const FAST = [0, 1, 2, 3];
/** A part of all tries that chance alone may add to a small share. */
const SLACK = 0.05;
/** Of the run: a machine that lets the rig stand still for longer measures itself. */
const MOST_STANDSTILL = 0.3;
/** Tries that three sidecars together may spend more on finding out that an endpoint fails. */
const MORE_FAILED_TRIES = 12;

/** Bounds are wide, because the machine may be slow and busy: shares hardly feel that, latencies do. */
function assertAlike(
  simulated: Recording,
  measured: Recording,
  fromMs: number,
  toMs: number,
  of: number[],
): void {
  const expected = shareOf(simulated, fromMs, toMs, of);
  const found = shareOf(measured, fromMs, toMs, of);
  const told = `endpoints ${of} from ${fromMs} ms: ${found} of the tries, simulated ${expected}`;
  assert.ok(found <= 2 * expected + SLACK && expected <= 2 * found + SLACK, told);
}

test("real sidecars route around slow and failing endpoints as simulated ones do", async (t) => {
  const reading = loadScenario(fileURLToPath(new URL("scenarios/quick.yaml", import.meta.url)));
  assert.ok("scenario" in reading);
  const { scenario } = reading;
  const policy = production("adaptive", "adaptive", ADAPTIVE, undefined);
  const simulated = runScenario(scenario, { policy, seed: SEED }).recording;
  const { recording: measured, stalls } = await runOnLoopback(scenario, ADAPTIVE, SEED);
  if (stalls.totalMs > MOST_STANDSTILL * scenario.durationMs) {
    t.skip(`this process did not run for ${Math.round(stalls.totalMs)} ms of ${scenario.durationMs}`);
    return;
  }

  assert.equal(measured.requests, simulated.requests, "every request of the workload has an end");
  assert.ok(
    !measured.latency.subarray(0, measured.requests).some(Number.isNaN),
    "a retry saves each request",
  );
  assertAlike(simulated, measured, 500, 2_000, FAST);
  assertAlike(simulated, measured, 2_500, 4_500, [SLOW]);
  assertAlike(simulated, measured, 5_000, 8_000, [SLOW]);
  assertAlike(simulated, measured, 500, 5_000, [FAILING]);
  assertAlike(simulated, measured, 5_500, 8_000, [FAILING]);
  const failed = (of: Recording): number => of.failedTries.reduce((sum, tries) => sum + tries, 0);
  assert.ok(failed(measured) > 0, "failed tries are counted");
  assert.ok(
    failed(measured) <= 2 * failed(simulated) + MORE_FAILED_TRIES,
    `${failed(measured)} failed tries`,
  );
});

test("the rig says which scenarios it cannot run", async () => {
  const lines = ["duration: 2s", "endpoints: [{ count: 2 }]"];
  const refusing = scenarioOf(...lines, "faults: [{ kind: refuse, endpoints: [0], from: 1s }]");
  await assert.rejects(runOnLoopback(refusing, ADAPTIVE, SEED), /no fault "refuse"/);
  const steps = scenarioOf(...lines, "steps: [{ at: 0s, load: 0.1 }, { at: 1s, load: 0.2 }]");
  await assert.rejects(runOnLoopback(steps, ADAPTIVE, SEED), /one rate/);
});
