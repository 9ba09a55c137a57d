import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";

/** Outcomes are forgotten with this time constant, ms: long enough to see 10 % at a few requests per second, short enough to return. */
const DECAY_MS = 5_000;
/** What is believed of an endpoint nobody has tried: 2 % of one attempt fails. */
const PRIOR_FAILURES = 0.02;
const PRIOR_ATTEMPTS = 1;
/** Fewer decayed failures than this are none. */
const NEGLIGIBLE = 1e-6;
/** The cluster's failure rate looks back over about this many attempts. */
const CLUSTER_ATTEMPTS = 200;

/** How often attempts fail, per endpoint and over the cluster. */
export class FailureEstimates implements Columns {
  /** Failures since the last success. */
  consecutive = new Int32Array(0);
  /** Time of the last failure; -Infinity before the first. */
  lastFailureAt = new Float64Array(0);
  lastSuccessAt = new Float64Array(0);
  total = new Float64Array(0);
  /** Part of all attempts that fail, 0..1. */
  clusterRate = 0;
  #successes = new Float64Array(0);
  #failures = new Float64Array(0);
  #at = new Float64Array(0);

  grow(capacity: number): void {
    this.consecutive = grownIntegers(this.consecutive, capacity);
    this.lastFailureAt = grownFloats(this.lastFailureAt, capacity);
    this.lastSuccessAt = grownFloats(this.lastSuccessAt, capacity);
    this.total = grownFloats(this.total, capacity);
    this.#successes = grownFloats(this.#successes, capacity);
    this.#failures = grownFloats(this.#failures, capacity);
    this.#at = grownFloats(this.#at, capacity);
  }

  clear(slot: Slot): void {
    this.consecutive[slot] = 0;
    this.lastFailureAt[slot] = Number.NEGATIVE_INFINITY;
    this.lastSuccessAt[slot] = Number.NEGATIVE_INFINITY;
    this.total[slot] = 0;
    this.#successes[slot] = 0;
    this.#failures[slot] = 0;
    this.#at[slot] = 0;
  }

  onSuccess(slot: Slot, now: number): void {
    this.#decay(slot, now);
    this.#successes[slot]!++;
    this.consecutive[slot] = 0;
    this.lastSuccessAt[slot] = now;
    this.clusterRate -= this.clusterRate / CLUSTER_ATTEMPTS;
  }

  onFailure(slot: Slot, now: number): void {
    this.#decay(slot, now);
    this.#failures[slot]!++;
    this.total[slot]!++;
    this.lastFailureAt[slot] = now;
    this.consecutive[slot]!++;
    this.clusterRate += (1 - this.clusterRate) / CLUSTER_ATTEMPTS;
  }

  /** The endpoint asked for less. That is no sign that it fails, and is answered by sparing it for the time it names. */
  onPushback(slot: Slot): void {
    this.total[slot]!++;
  }

  /** The endpoint came back: what it did before is no evidence against it any more. */
  forgive(slot: Slot): void {
    this.consecutive[slot] = 0;
    this.#failures[slot] = 0;
    this.lastFailureAt[slot] = Number.NEGATIVE_INFINITY;
  }

  /** Probability that an attempt fails, 0..1. */
  rate(slot: Slot, now: number): number {
    const keep = Math.exp((this.#at[slot]! - now) / DECAY_MS);
    const failures = this.#failures[slot]! * keep;
    const attempts = failures + this.#successes[slot]! * keep;
    return (failures + PRIOR_FAILURES) / (attempts + PRIOR_ATTEMPTS);
  }

  /** What people are shown: 0 where no failure was seen and nothing but the prior speaks. */
  seenRate(slot: Slot, now: number): number {
    return this.hasFailed(slot) ? this.rate(slot, now) : 0;
  }

  /** False: nothing but the prior speaks of failures, and `rate` need not be asked. */
  hasFailed(slot: Slot): boolean {
    return this.#failures[slot]! > NEGLIGIBLE;
  }

  /** Attempts that the rate rests on, decayed. */
  attempts(slot: Slot, now: number): number {
    return (this.#failures[slot]! + this.#successes[slot]!) * Math.exp((this.#at[slot]! - now) / DECAY_MS);
  }

  #decay(slot: Slot, now: number): void {
    const keep = Math.exp((this.#at[slot]! - now) / DECAY_MS);
    this.#successes[slot]! *= keep;
    this.#failures[slot]! *= keep;
    this.#at[slot] = now;
  }
}
