import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** Before any answer an endpoint is believed to take this long, ms. */
const FIRST_GUESS_MS = 30;
/** The cluster's mean looks back over about this many answers. */
const CLUSTER_ANSWERS = 200;
/** An unanswered time is bounded, so that no clock fault can make a number useless. */
const LONGEST_MS = 3_600_000;
/** An estimate that is not renewed drifts to the cluster's mean this many times slower than a renewed one forgets. */
const DRIFT = 4;

/** How long endpoints take to answer: smoothed, aged toward the cluster's mean while nothing new is heard. */
export class LatencyEstimates implements Columns {
  clusterMs = FIRST_GUESS_MS;
  /** NaN before the first answer. */
  smoothedMs = new Float64Array(0);
  answers = new Float64Array(0);
  #at = new Float64Array(0);
  readonly #decayMs: number;
  #clusterAnswers = 0;

  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  grow(capacity: number): void {
    this.smoothedMs = grownFloats(this.smoothedMs, capacity);
    this.answers = grownFloats(this.answers, capacity);
    this.#at = grownFloats(this.#at, capacity);
  }

  clear(slot: Slot): void {
    this.smoothedMs[slot] = Number.NaN;
    this.answers[slot] = 0;
    this.#at[slot] = 0;
  }

  onAnswer(slot: Slot, latencyMs: number, now: number): void {
    const sample = Math.min(Math.max(latencyMs, 0.01), LONGEST_MS);
    this.#clusterAnswers = Math.min(CLUSTER_ANSWERS, this.#clusterAnswers + 1);
    this.clusterMs += (sample - this.clusterMs) / this.#clusterAnswers;
    this.#take(slot, sample, now);
    this.answers[slot]!++;
  }

  /** The attempt ended without an answer after `elapsedMs`: the answer would have taken at least that. It can only raise. */
  onCensored(slot: Slot, elapsedMs: number, now: number): void {
    const sample = Math.min(elapsedMs, LONGEST_MS);
    if (sample > this.expected(slot, now)) this.#take(slot, sample, now);
  }

  /** What the next answer is expected to take, ms. Always positive and finite. */
  expected(slot: Slot, now: number): number {
    const smoothed = this.smoothedMs[slot]!;
    if (Number.isNaN(smoothed)) return this.clusterMs;
    const keep = Math.exp((this.#at[slot]! - now) / (this.#decayMs * DRIFT));
    return this.clusterMs + (smoothed - this.clusterMs) * keep;
  }

  #take(slot: Slot, sample: number, now: number): void {
    const old = this.smoothedMs[slot]!;
    if (Number.isNaN(old)) this.smoothedMs[slot] = sample;
    else {
      const keep = Math.exp(-Math.max(1, now - this.#at[slot]!) / this.#decayMs);
      this.smoothedMs[slot] = sample + (this.expected(slot, now) - sample) * keep;
    }
    this.#at[slot] = now;
  }
}
