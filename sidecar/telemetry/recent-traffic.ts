import { QUANTILE_BUCKETS, quantile, quantileBucket } from "./histogram.ts";

const WINDOWS = 10;
const WINDOW_MS = 1_000;

export interface TrafficView {
  readonly requestsPerSecond: number;
  /** 0..1. */
  readonly errorRate: number;
  /** Milliseconds; NaN without traffic. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** What went through the sidecar in the last ten seconds, in windows of one second that are used again in turn. */
export class RecentTraffic {
  readonly #second = new Float64Array(WINDOWS).fill(-1);
  readonly #requests = new Float64Array(WINDOWS);
  readonly #errors = new Float64Array(WINDOWS);
  readonly #durations = Array.from({ length: WINDOWS }, () => new Uint32Array(QUANTILE_BUCKETS));

  /** @param now monotonic ms. */
  record(now: number, durationMs: number, failed: boolean): void {
    const second = Math.floor(now / WINDOW_MS);
    const i = second % WINDOWS;
    if (this.#second[i] !== second) this.#clear(i, second);
    this.#requests[i]!++;
    if (failed) this.#errors[i]!++;
    this.#durations[i]![quantileBucket(durationMs)]!++;
  }

  view(now: number): TrafficView {
    const current = Math.floor(now / WINDOW_MS);
    const durations = new Float64Array(QUANTILE_BUCKETS);
    let requests = 0;
    let errors = 0;
    for (let i = 0; i < WINDOWS; i++) {
      if (this.#second[i]! <= current - WINDOWS) continue;
      requests += this.#requests[i]!;
      errors += this.#errors[i]!;
      this.#durations[i]!.forEach((count, bucket) => {
        durations[bucket]! += count;
      });
    }
    // The window under way is not over yet: dividing by whole windows would make the rate dip every second.
    const seconds = Math.min(WINDOWS - 1 + (now / WINDOW_MS - current), Math.max(1, now / WINDOW_MS));
    return {
      requestsPerSecond: requests / seconds,
      errorRate: requests === 0 ? 0 : errors / requests,
      p50Ms: quantile(durations, 0.5),
      p95Ms: quantile(durations, 0.95),
      p99Ms: quantile(durations, 0.99),
    };
  }

  #clear(i: number, second: number): void {
    this.#second[i] = second;
    this.#requests[i] = 0;
    this.#errors[i] = 0;
    this.#durations[i]!.fill(0);
  }
}
