import type { Random } from "../../../xds/common/random.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { EdfSchedule } from "../edf-schedule.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { type Evidence, PICK_REASON } from "../evidence.ts";
import { type Chooser, isTried } from "./policy.ts";

/**
 * Round robin: in turn, as often as the weights say. Equal weights: a cursor. Unequal ones: earliest deadline first; a weight that
 * changes acts from the endpoint's next turn on. `weights` is by slot and may change between picks.
 */
export class Rotation implements Chooser {
  readonly #set: EndpointSet;
  readonly #weights: () => Float64Array;
  readonly #random: Random;
  readonly #schedule = new EdfSchedule();
  #version = -1;
  #equal = true;
  #cursor: number;

  constructor(set: EndpointSet, weights: () => Float64Array, random: Random) {
    this.#set = set;
    this.#weights = weights;
    this.#random = random;
    this.#cursor = Math.floor(random() * 0x4000_0000);
  }

  choose(request: PickRequest, _now: number, evidence: Evidence): Slot {
    const set = this.#set;
    if (this.#version !== set.version) this.#rebuild();
    evidence.reason = PICK_REASON.rotation;
    if (!this.#equal) {
      const next = this.#schedule.peek();
      return isTried(request, next) ? this.#schedule.peekUntried(request.tried) : next;
    }
    for (let i = 0; i < set.count; i++) {
      const slot = set.slots[(this.#cursor + i) % set.count]!;
      if (!isTried(request, slot)) return slot;
    }
    return NO_SLOT;
  }

  onStart(slot: Slot): void {
    if (!this.#equal) this.#schedule.pass(slot, this.#weights()[slot]!);
    // A retry that went past someone leaves them their turn.
    else if (this.#set.slots[this.#cursor % this.#set.count] === slot) this.#cursor++;
  }

  #rebuild(): void {
    const set = this.#set;
    const weights = this.#weights();
    this.#version = set.version;
    this.#equal = equalWeights(set, weights);
    if (!this.#equal) this.#schedule.build(set.slots, set.count, weights, this.#random);
  }
}

export function equalWeights(set: EndpointSet, weights: Float64Array): boolean {
  const first = weights[set.slots[0] ?? 0];
  for (let i = 1; i < set.count; i++) if (weights[set.slots[i]!] !== first) return false;
  return true;
}
