import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** An attempt counts for less the longer ago it began, with this time constant, ms: long, so that bursts are not held against anybody. */
const FADES_MS = 30_000;
/** Weights are brought back to 1 before e^this, which is far below what a number can hold. */
const LARGEST_EXPONENT = 50;

/**
 * How many attempts began of late, per endpoint and in all. Instead of letting old ones fade, which would cost an exponential
 * at every look, new ones weigh more (forward decay, Cormode et al. 2009): only ratios are asked for.
 */
export class RecentStarts implements Columns {
  #starts = new Float64Array(0);
  #all = 0;
  /** When an attempt weighed 1. */
  #since = 0;

  grow(capacity: number): void {
    this.#starts = grownFloats(this.#starts, capacity);
  }

  clear(slot: Slot): void {
    this.#starts[slot] = 0;
  }

  add(slot: Slot, now: number): void {
    let exponent = Math.max(0, now - this.#since) / FADES_MS;
    if (exponent > LARGEST_EXPONENT) {
      const faded = Math.exp(-exponent);
      for (let i = 0; i < this.#starts.length; i++) this.#starts[i]! *= faded;
      this.#all *= faded;
      this.#since = now;
      exponent = 0;
    }
    const weight = Math.exp(exponent);
    this.#starts[slot]! += weight;
    this.#all += weight;
  }

  /** The endpoint's part of all starts over an equal part among `count`; 1 is fair, and what is said before the first start. */
  relative(slot: Slot, count: number): number {
    return this.#all > 0 ? (this.#starts[slot]! * count) / this.#all : 1;
  }
}
