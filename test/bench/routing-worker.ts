import { parentPort } from "node:worker_threads";
import {
  DEFAULT_RETRY,
  findPolicy,
  loadScenario,
  type Result,
  runScenario,
} from "../../sidecar/simulate/index.ts";

/** One run that the benchmark asks for. */
export interface RoutingJob {
  readonly scenario: string;
  readonly policy: string;
  readonly seed: number;
  /** A failed try is repeated once on another endpoint. */
  readonly retry: boolean;
}

export interface RoutingOutcome {
  readonly job: RoutingJob;
  readonly result: Result;
  readonly seconds: number;
}

parentPort?.on("message", (job: RoutingJob) => {
  const reading = loadScenario(job.scenario);
  const policy = findPolicy(job.policy);
  if (!("scenario" in reading) || !policy) throw new Error(`cannot run ${job.policy} in ${job.scenario}`);
  const { timeoutMs } = reading.scenario;
  const retry = job.retry ? { ...DEFAULT_RETRY, deadlineMs: DEFAULT_RETRY.tries * timeoutMs } : undefined;
  const begun = performance.now();
  const { result } = runScenario({ ...reading.scenario, retry }, { policy, seed: job.seed });
  parentPort?.postMessage({ job, result, seconds: (performance.now() - begun) / 1_000 });
});
