import { findPolicy, loadScenario, runScenario } from "../../../sidecar/simulate/index.ts";
import { WORKERS } from "./crew.ts";
import { type Job, nameOf, type Outcome, workOf } from "./job.ts";

const CALIBRATION = { scenario: "two-generations-70", policy: "adaptive", durationMs: 6_000 };

/** Says beforehand how long the runs will take, and what is left after each. */
export class Progress {
  readonly #jobs: number;
  readonly #work: number;
  readonly #begun = performance.now();
  #done = 0;
  #workDone = 0;

  constructor(jobs: readonly Job[]) {
    this.#jobs = jobs.length;
    this.#work = jobs.reduce((sum, job) => sum + workOf(job), 0);
  }

  /** Times a short run on this machine: the second, because the first is spent on compiling. */
  estimate(): string {
    const { scenario: name, policy: policyName, durationMs } = CALIBRATION;
    const reading = loadScenario(name);
    const policy = findPolicy(policyName);
    if (!("scenario" in reading) || !policy) throw new Error(`cannot run ${policyName} in ${name}`);
    const short = { ...reading.scenario, durationMs };
    runScenario(short, { policy, seed: 1 });
    const begun = performance.now();
    const { recording } = runScenario(short, { policy, seed: 2 });
    const msPerRequest = (performance.now() - begun) / recording.requests;
    const wait = duration((msPerRequest * this.#work) / Math.min(WORKERS, this.#jobs));
    return `${this.#jobs} runs on ${WORKERS} cores: about ${wait} if nothing else runs\n`;
  }

  /** The line for a run that has just ended. */
  after({ job, seconds }: Outcome): string {
    this.#workDone += workOf(job);
    const gone = performance.now() - this.#begun;
    const left = (gone * (this.#work - this.#workDone)) / this.#workDone;
    const count = `${++this.#done}/${this.#jobs}`;
    return `${count}, about ${duration(left)} left: ${nameOf(job)}: ${seconds.toFixed(1)} s\n`;
  }
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 100 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
