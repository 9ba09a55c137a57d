import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** An attempt counts for less the longer ago it began, with this time constant, ms. */
const FADES_MS = 10_000;
const FEWEST = 1e-9;

/** How many attempts began of late, per endpoint and in all. */
export class RecentStarts implements Columns {
  #starts = new Float64Array(0);
  #at = new Float64Array(0);
  #all = 0;
  #allAt = 0;

  grow(capacity: number): void {
    this.#starts = grownFloats(this.#starts, capacity);
    this.#at = grownFloats(this.#at, capacity);
  }

  clear(slot: Slot): void {
    this.#starts[slot] = 0;
    this.#at[slot] = 0;
  }

  add(slot: Slot, now: number): void {
    this.#starts[slot] = faded(this.#starts[slot]!, this.#at[slot]!, now) + 1;
    this.#at[slot] = now;
    this.#all = faded(this.#all, this.#allAt, now) + 1;
    this.#allAt = now;
  }

  /** The endpoint's part of all starts over an equal part among `count`; 1 is fair, never negative. */
  relative(slot: Slot, count: number, now: number): number {
    const all = Math.max(FEWEST, faded(this.#all, this.#allAt, now));
    return (faded(this.#starts[slot]!, this.#at[slot]!, now) * count) / all;
  }
}

function faded(value: number, at: number, now: number): number {
  return value * Math.exp(Math.min(0, at - now) / FADES_MS);
}
