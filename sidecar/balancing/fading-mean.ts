import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** Numbers kept per slot, side by side because they are read together: the sum of the samples, their weight, and when the last one came. */
const WIDTH = 3;
const WEIGHT = 1;
const AT = 2;

/** Per slot the mean of samples that count less the older they are: e^(-age / time constant). */
export class FadingMean implements Columns {
  /** Time constant; until it is set nothing fades. */
  fadesMs = Number.POSITIVE_INFINITY;
  #rows = new Float64Array(0);

  grow(capacity: number): void {
    this.#rows = grownFloats(this.#rows, capacity * WIDTH);
  }

  clear(slot: Slot): void {
    const row = slot * WIDTH;
    this.#rows[row] = 0;
    this.#rows[row + WEIGHT] = 0;
    this.#rows[row + AT] = 0;
  }

  add(slot: Slot, sample: number, now: number): void {
    const rows = this.#rows;
    const row = slot * WIDTH;
    const keep = this.keep(slot, now);
    rows[row] = rows[row]! * keep + sample;
    rows[row + WEIGHT] = rows[row + WEIGHT]! * keep + 1;
    rows[row + AT] = now;
  }

  /** What is left of the samples at `now`, 0..1. */
  keep(slot: Slot, now: number): number {
    return Math.exp(Math.min(0, this.#rows[slot * WIDTH + AT]! - now) / this.fadesMs);
  }

  /** The samples, faded by `keep`, with `prior` counting as `priorWeight` more. The prior's alone where there are none. */
  blend(slot: Slot, keep: number, prior: number, priorWeight: number): number {
    const rows = this.#rows;
    const row = slot * WIDTH;
    return (rows[row]! * keep + prior * priorWeight) / (rows[row + WEIGHT]! * keep + priorWeight);
  }

  /** No sample counts for more than this. */
  cap(slot: Slot, most: number): void {
    const row = slot * WIDTH;
    this.#rows[row] = Math.min(this.#rows[row]!, most * this.#rows[row + WEIGHT]!);
  }

  isEmpty(slot: Slot): boolean {
    return this.#rows[slot * WIDTH + WEIGHT] === 0;
  }
}
