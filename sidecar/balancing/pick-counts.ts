import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";

const BUCKET_MS = 1_000;
const BUCKETS = 10;

/** How often each endpoint was picked: in all, and in the last 10 s in ten buckets that are cleared as time passes them. */
export class PickCounts implements Columns {
  total = new Float64Array(0);
  #buckets = new Int32Array(0);
  #second = new Float64Array(0);

  grow(capacity: number): void {
    this.total = grownFloats(this.total, capacity);
    this.#buckets = grownIntegers(this.#buckets, capacity * BUCKETS);
    this.#second = grownFloats(this.#second, capacity);
  }

  clear(slot: Slot): void {
    this.total[slot] = 0;
    this.#buckets.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
    this.#second[slot] = 0;
  }

  add(slot: Slot, now: number): void {
    this.#advance(slot, now);
    this.total[slot]!++;
    this.#buckets[slot * BUCKETS + (this.#second[slot]! % BUCKETS)]!++;
  }

  /** Picks in the last 10 s, the running second included. */
  recent(slot: Slot, now: number): number {
    this.#advance(slot, now);
    let sum = 0;
    for (let i = 0; i < BUCKETS; i++) sum += this.#buckets[slot * BUCKETS + i]!;
    return sum;
  }

  #advance(slot: Slot, now: number): void {
    const second = Math.floor(now / BUCKET_MS);
    const passed = Math.min(BUCKETS, second - this.#second[slot]!);
    if (passed <= 0) return;
    for (let i = 1; i <= passed; i++) this.#buckets[slot * BUCKETS + ((second - passed + i) % BUCKETS)] = 0;
    this.#second[slot] = second;
  }
}
