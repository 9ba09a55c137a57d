import type { Scenario } from "./scenario.ts";

/** Width of the bins that tries are counted in. */
export const BIN_MS = 100;
/** Between two samples of queues and weights. */
export const SAMPLE_MS = 500;

/** What happened in one run, as plain numbers; `measure` makes results of it. */
export class Recording {
  readonly scenario: Scenario;
  readonly policy: string;
  readonly seed: number;
  /** Per request, in the order they ended: intended start, and ms until it was answered, NaN when it failed. */
  startedAt = new Float64Array(1 << 16);
  latency = new Float64Array(1 << 16);
  requests = 0;
  /** Tries begun, by bin and endpoint: `tries[bin * endpoints + endpoint]`; and those that failed. */
  readonly tries: Int32Array;
  readonly failedTries: Int32Array;
  /** Requests in each endpoint, and mean weight that sidecars give it, by sample and endpoint. */
  readonly queues: Float64Array;
  readonly weights: Float64Array;
  probes = 0;
  readonly bins: number;
  readonly samples: number;

  constructor(scenario: Scenario, policy: string, seed: number) {
    this.scenario = scenario;
    this.policy = policy;
    this.seed = seed;
    const width = scenario.endpoints.length;
    this.bins = Math.ceil(scenario.durationMs / BIN_MS);
    this.samples = Math.floor(scenario.durationMs / SAMPLE_MS) + 1;
    this.tries = new Int32Array(this.bins * width);
    this.failedTries = new Int32Array(this.bins * width);
    this.queues = new Float64Array(this.samples * width);
    this.weights = new Float64Array(this.samples * width).fill(Number.NaN);
  }

  onTry(at: number, endpoint: number): void {
    const bin = Math.floor(at / BIN_MS);
    if (bin < this.bins) this.tries[bin * this.scenario.endpoints.length + endpoint]!++;
  }

  /** `at`: when the try began. */
  onFailedTry(at: number, endpoint: number): void {
    const bin = Math.floor(at / BIN_MS);
    if (bin < this.bins) this.failedTries[bin * this.scenario.endpoints.length + endpoint]!++;
  }

  onRequestEnd(startedAt: number, latencyMs: number): void {
    if (this.requests === this.startedAt.length) {
      this.startedAt = doubled(this.startedAt);
      this.latency = doubled(this.latency);
    }
    this.startedAt[this.requests] = startedAt;
    this.latency[this.requests++] = latencyMs;
  }
}

function doubled(old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(old.length * 2);
  larger.set(old);
  return larger;
}
