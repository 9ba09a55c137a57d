import {
  DEFAULT_RETRY,
  findPolicy,
  loadScenario,
  type Result,
  type Scenario,
} from "../../../sidecar/simulate/index.ts";

/** One run that the benchmark asks for. */
export interface Job {
  readonly scenario: string;
  readonly policy: string;
  readonly seed: number;
  /** A failed try is repeated once on another endpoint. */
  readonly retry: boolean;
}

export interface Outcome {
  readonly job: Job;
  readonly result: Result;
  /** What the run took. */
  readonly seconds: number;
}

/** Prequal's probes are three more events per request, with a sort each. */
const PROBING_COST = 2;

/** Names the job's run among all that one state of the code can make. */
export function nameOf({ scenario, policy, seed, retry }: Job): string {
  return `${scenario} ${policy}${retry ? " with a retry" : ""}, seed ${seed}`;
}

/** The scenario as the job wants it run. Throws when there is no such scenario or policy. */
export function scenarioOf({ scenario: name, policy, retry }: Job): Scenario {
  if (!findPolicy(policy)) throw new Error(`there is no policy "${policy}"`);
  const reading = loadScenario(name);
  if (!("scenario" in reading)) throw new Error(`the scenario "${name}" is not valid`);
  const { scenario } = reading;
  if (!retry) return scenario;
  const deadlineMs = DEFAULT_RETRY.tries * scenario.timeoutMs;
  return { ...scenario, retry: { ...DEFAULT_RETRY, deadlineMs } };
}

/** How much work a run is, in requests of a policy that sends no probes. */
export function workOf(job: Job): number {
  const { rates, durationMs } = scenarioOf(job);
  let requests = 0;
  for (const [index, { fromMs, perSecond }] of rates.entries()) {
    requests += (((rates[index + 1]?.fromMs ?? durationMs) - fromMs) * perSecond) / 1_000;
  }
  return requests * (job.policy.startsWith("prequal") ? PROBING_COST : 1);
}
