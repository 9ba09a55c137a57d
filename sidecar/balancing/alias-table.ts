import { NO_SLOT, type Slot } from "./balancer.ts";

/** Draws endpoints in proportion to weight in constant time (Walker's alias method, Vose's construction). */
export class AliasTable {
  count = 0;
  #slots = new Int32Array(0);
  #threshold = new Float64Array(0);
  #alias = new Int32Array(0);

  build(slots: Int32Array, count: number, weights: Float64Array): void {
    if (this.#slots.length < count) {
      this.#slots = new Int32Array(count);
      this.#threshold = new Float64Array(count);
      this.#alias = new Int32Array(count);
    }
    this.count = count;
    let total = 0;
    for (let i = 0; i < count; i++) total += weights[slots[i]!]!;
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < count; i++) {
      this.#slots[i] = slots[i]!;
      this.#alias[i] = i;
      this.#threshold[i] = (weights[slots[i]!]! * count) / total;
      (this.#threshold[i]! < 1 ? small : large).push(i);
    }
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.at(-1)!;
      this.#alias[less] = more;
      this.#threshold[more]! -= 1 - this.#threshold[less]!;
      if (this.#threshold[more]! < 1) small.push(large.pop()!);
    }
    // What rounding left over has the full column.
    for (const i of small) this.#threshold[i] = 1;
    for (const i of large) this.#threshold[i] = 1;
  }

  /** `draw` is uniform in [0, 1). */
  sample(draw: number): Slot {
    if (this.count === 0) return NO_SLOT;
    const scaled = draw * this.count;
    const column = Math.floor(scaled);
    return this.#slots[scaled - column < this.#threshold[column]! ? column : this.#alias[column]!]!;
  }
}
