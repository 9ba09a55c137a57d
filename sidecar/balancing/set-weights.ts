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
  /** Part of the starts that it should have, with mean 1. Where no zone is preferred it is what it can carry. */
  due = this.carried;
  /** What being elsewhere multiplies its score by; undefined: no zone is preferred. */
  distance: Float64Array | undefined;
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
    this.carried = new Float64Array(effective.length);
    for (let i = 0; i < count; i++) this.carried[slots[i]!] = effective[slots[i]!]!;
    this.due = this.carried;
    this.distance = undefined;
    if (near !== undefined) {
      this.due = new Float64Array(effective.length);
      this.distance = new Float64Array(effective.length);
      for (let i = 0; i < count; i++) {
        const slot = slots[i]!;
        this.distance[slot] = this.#roster.locality(slot)?.zone === near ? 1 : FAR;
        this.due[slot] = effective[slot]! / this.distance[slot]!;
      }
      this.#relate(this.due);
    }
    this.#relate(this.carried);
  }

  /** Brings the mean over the set to 1. */
  #relate(column: Float64Array): void {
    const { slots, count } = this.#set;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += column[slots[i]!]!;
    for (let i = 0; i < count; i++) column[slots[i]!]! *= count / sum;
  }
}
