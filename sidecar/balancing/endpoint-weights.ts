import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import type { EndpointStates } from "./endpoint-states.ts";
import type { Roster } from "./roster.ts";

/** Part of its weight that an endpoint keeps while it asks to be spared (429, 503 with Retry-After). */
export const SPARED_PART = 0.1;
/** Where it names no time, and the longest that it is believed, ms. */
const SPARED_MS = 1_000;
const LONGEST_SPARED_MS = 30_000;
/** No product of factors falls below this part of the operator's weight: a weight of 0 would starve for ever. */
const SMALLEST_FACTOR = 0.01;

/**
 * What each endpoint weighs in the choice: the operator's weight, times slow start, times what the slow loop made of it,
 * times being spared. Kept ready in `effective`, because choosing must not compute it.
 */
export class EndpointWeights implements Columns {
  effective = new Float64Array(0);
  /** How far slow start has come, 0..1; 1: it is over, or there was none. */
  grown = new Float64Array(0);
  /** Made by the slow loop; mean 1. */
  learned = new Float64Array(0);
  /** Whether the policy in force wants what the slow loop made. It is kept for one that does. */
  usesLearned = false;
  #sparedUntil = new Float64Array(0);
  #sparing = 0;

  grow(capacity: number): void {
    const from = this.effective.length;
    this.effective = grownFloats(this.effective, capacity).fill(1, from);
    this.grown = grownFloats(this.grown, capacity).fill(1, from);
    this.learned = grownFloats(this.learned, capacity).fill(1, from);
    this.#sparedUntil = grownFloats(this.#sparedUntil, capacity);
  }

  clear(slot: Slot): void {
    this.effective[slot] = 1;
    this.grown[slot] = 1;
    this.learned[slot] = 1;
    this.#sparedUntil[slot] = 0;
  }

  /** True when it was not spared before: weights must be made anew. */
  spare(slot: Slot, now: number, retryAfterMs: number): boolean {
    const asked = retryAfterMs > 0 ? retryAfterMs : SPARED_MS;
    const until = now + Math.min(LONGEST_SPARED_MS, asked);
    const before = this.isSpared(slot, now);
    if (until > this.#sparedUntil[slot]!) this.#sparedUntil[slot] = until;
    this.#sparing = Math.max(this.#sparing, until);
    return !before;
  }

  isSpared(slot: Slot, now: number): boolean {
    return now < this.#sparing && now < this.#sparedUntil[slot]!;
  }

  /** Whether weights change with time alone: any endpoint is spared. */
  moving(now: number): boolean {
    return now < this.#sparing;
  }

  /** Brings `effective` up to date; true when anything changed. */
  recompute(roster: Roster, states: EndpointStates, now: number): boolean {
    const usesLearned = this.usesLearned;
    let changed = false;
    for (let i = 0; i < roster.count; i++) {
      const slot = roster.members[i]!;
      const spared = this.isSpared(slot, now) ? SPARED_PART : 1;
      const grown = states.factor(slot, now);
      this.grown[slot] = grown;
      const learned = usesLearned ? this.learned[slot]! : 1;
      const factor = Math.max(SMALLEST_FACTOR, learned * grown * spared);
      const weight = roster.weights[slot]! * factor;
      if (weight === this.effective[slot]) continue;
      this.effective[slot] = weight;
      changed = true;
    }
    return changed;
  }
}
