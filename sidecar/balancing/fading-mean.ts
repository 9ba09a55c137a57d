import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** Per slot the mean of samples that count less the older they are: e^(-age / time constant). */
export class FadingMean implements Columns {
  /** Time constant; until it is set nothing fades. */
  fadesMs = Number.POSITIVE_INFINITY;
  #sum = new Float64Array(0);
  #weight = new Float64Array(0);
  #at = new Float64Array(0);

  grow(capacity: number): void {
    this.#sum = grownFloats(this.#sum, capacity);
    this.#weight = grownFloats(this.#weight, capacity);
    this.#at = grownFloats(this.#at, capacity);
  }

  clear(slot: Slot): void {
    this.#sum[slot] = 0;
    this.#weight[slot] = 0;
    this.#at[slot] = 0;
  }

  add(slot: Slot, sample: number, now: number): void {
    const keep = this.keep(slot, now);
    this.#sum[slot] = this.#sum[slot]! * keep + sample;
    this.#weight[slot] = this.#weight[slot]! * keep + 1;
    this.#at[slot] = now;
  }

  /** What is left of the samples at `now`, 0..1. */
  keep(slot: Slot, now: number): number {
    return Math.exp(Math.min(0, this.#at[slot]! - now) / this.fadesMs);
  }

  /** The samples, faded by `keep`, with `prior` counting as `priorWeight` more. The prior's alone where there are none. */
  blend(slot: Slot, keep: number, prior: number, priorWeight: number): number {
    return (this.#sum[slot]! * keep + prior * priorWeight) / (this.#weight[slot]! * keep + priorWeight);
  }

  /** No sample counts for more than this. */
  cap(slot: Slot, most: number): void {
    this.#sum[slot] = Math.min(this.#sum[slot]!, most * this.#weight[slot]!);
  }

  isEmpty(slot: Slot): boolean {
    return this.#weight[slot] === 0;
  }
}
