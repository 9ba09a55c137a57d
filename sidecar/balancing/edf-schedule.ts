import type { Random } from "../../xds/common/random.ts";
import { NO_SLOT, type Slot } from "./balancer.ts";

/**
 * Earliest deadline first: each endpoint's turn comes every 1/weight of virtual time, so that turns are as even as the
 * weights allow. A binary heap in typed arrays: O(log n) per turn, nothing allocated.
 */
export class EdfSchedule {
  #slots = new Int32Array(0);
  #deadlines = new Float64Array(0);
  #count = 0;

  /** First deadlines are drawn at random, so that a fleet of sidecars does not begin with the same endpoint. */
  build(slots: Int32Array, count: number, weights: Float64Array, random: Random): void {
    if (this.#slots.length < count) {
      this.#slots = new Int32Array(count);
      this.#deadlines = new Float64Array(count);
    }
    this.#count = count;
    for (let i = 0; i < count; i++) {
      this.#slots[i] = slots[i]!;
      this.#deadlines[i] = random() / weights[slots[i]!]!;
    }
    for (let i = (count >> 1) - 1; i >= 0; i--) this.#sink(i);
  }

  /** Whose turn it is; NO_SLOT when there is nobody. */
  peek(): Slot {
    return this.#count === 0 ? NO_SLOT : this.#slots[0]!;
  }

  /** Whose turn it is but for those tried; NO_SLOT when all were. Looks at everybody: for retries. */
  peekUntried(tried: readonly Slot[]): Slot {
    let first = -1;
    for (let i = 0; i < this.#count; i++) {
      if (first >= 0 && this.#deadlines[i]! >= this.#deadlines[first]!) continue;
      if (!tried.includes(this.#slots[i]!)) first = i;
    }
    return first < 0 ? NO_SLOT : this.#slots[first]!;
  }

  /** Ends the endpoint's turn; its next comes after 1/weight. */
  pass(slot: Slot, weight: number): void {
    let at = 0;
    while (at < this.#count && this.#slots[at] !== slot) at++;
    if (at === this.#count) return;
    this.#deadlines[at]! += 1 / weight;
    this.#sink(at);
  }

  #sink(from: number): void {
    const slots = this.#slots;
    const deadlines = this.#deadlines;
    const slot = slots[from]!;
    const deadline = deadlines[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && deadlines[child + 1]! < deadlines[child]!) child++;
      if (deadlines[child]! >= deadline) break;
      slots[at] = slots[child]!;
      deadlines[at] = deadlines[child]!;
      at = child;
    }
    slots[at] = slot;
    deadlines[at] = deadline;
  }
}
