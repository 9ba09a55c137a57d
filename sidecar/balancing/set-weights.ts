import type { EndpointSet } from "./endpoint-set.ts";
import type { EndpointWeights } from "./endpoint-weights.ts";
import type { Roster } from "./roster.ts";

/** Where a zone is preferred, an endpoint elsewhere is chosen when it is expected to answer in less than 1/this of the time, and is due as much less. */
const FAR = 2;

/** What the endpoints of one set weigh against each other, by slot. Follows the set as it changes. */
export class SetWeights {
  readonly #set: EndpointSet;
  readonly #roster: Roster;
  readonly #weights: EndpointWeights;
  /** What it can carry, with mean 1; 0: it is not of the set. */
  carried = new Float64Array(0);
  /** Part of the starts that it should have, with mean 1. */
  due = new Float64Array(0);
  /** What being elsewhere multiplies its score by. */
  distance = new Float64Array(0);
  #version = -1;

  constructor(set: EndpointSet, roster: Roster, weights: EndpointWeights) {
    this.#set = set;
    this.#roster = roster;
    this.#weights = weights;
  }

  follow(): void {
    if (this.#version !== this.#set.version) this.#weigh();
  }

  #weigh(): void {
    const { slots, count, near, version } = this.#set;
    const { effective } = this.#weights;
    this.#version = version;
    if (this.carried.length < effective.length) {
      this.carried = new Float64Array(effective.length);
      this.due = new Float64Array(effective.length);
      this.distance = new Float64Array(effective.length);
    }
    this.carried.fill(0);
    let sum = 0;
    let dueSum = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const far = near !== undefined && this.#roster.locality(slot)?.zone !== near;
      this.distance[slot] = far ? FAR : 1;
      this.due[slot] = effective[slot]! / this.distance[slot]!;
      sum += effective[slot]!;
      dueSum += this.due[slot]!;
    }
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      this.carried[slot] = (effective[slot]! / sum) * count;
      this.due[slot] = (this.due[slot]! / dueSum) * count;
    }
  }
}
