import { parentPort } from "node:worker_threads";
import { findPolicy, runScenario } from "../../../sidecar/simulate/index.ts";
import { type Job, type Outcome, scenarioOf } from "./job.ts";

parentPort?.on("message", (job: Job) => {
  const begun = performance.now();
  const { result } = runScenario(scenarioOf(job), { policy: findPolicy(job.policy)!, seed: job.seed });
  const outcome: Outcome = { job, result, seconds: (performance.now() - begun) / 1_000 };
  parentPort?.postMessage(outcome);
});
