import type { Random } from "../../../xds/common/random.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { EdfSchedule } from "../edf-schedule.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { type Evidence, PICK_REASON } from "../evidence.ts";
import { type Chooser, isTried, type Policy } from "./policy.ts";

/** In turn, as often as the weights say. `weights` is by slot and may change between picks. */
export class RoundRobin implements Policy {
  readonly #weights: () => Float64Array;
  readonly #random: Random;

  constructor(weights: () => Float64Array, random: Random) {
    this.#weights = weights;
    this.#random = random;
  }

  chooser(set: EndpointSet): Chooser {
    return new Rotation(set, this.#weights, this.#random);
  }
}

/** Equal weights: a cursor. Unequal ones: earliest deadline first; a weight that changes acts from the endpoint's next turn on. */
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
    const weights = this.#weights();
    for (let turns = 0; turns < set.count; turns++) {
      let slot: Slot;
      if (this.#equal) {
        this.#cursor = (this.#cursor + 1) % set.count;
        slot = set.slots[this.#cursor]!;
      } else {
        slot = this.#schedule.peek();
        this.#schedule.pass(weights[slot]!);
      }
      if (!isTried(request, slot)) return slot;
    }
    // A heavy endpoint may have taken all these turns: whoever was not tried will do.
    for (let i = 0; i < set.count; i++) if (!isTried(request, set.slots[i]!)) return set.slots[i]!;
    return NO_SLOT;
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
