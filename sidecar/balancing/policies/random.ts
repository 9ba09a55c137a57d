import type { Random } from "../../../xds/common/random.ts";
import { AliasTable } from "../alias-table.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { type Evidence, PICK_REASON } from "../evidence.ts";
import { type Chooser, isTried, untried } from "./policy.ts";

/** Draws again so often to avoid an endpoint that was tried, then takes the next that was not. */
const DRAWS = 8;

/** At random, in proportion to weight. */
export class RandomDraw implements Chooser {
  readonly #set: EndpointSet;
  readonly #random: Random;
  readonly #sampler: WeightedSampler;

  constructor(set: EndpointSet, weights: () => Float64Array, random: Random) {
    this.#set = set;
    this.#random = random;
    this.#sampler = new WeightedSampler(set, weights);
  }

  choose(request: PickRequest, _now: number, evidence: Evidence): Slot {
    evidence.reason = PICK_REASON.random;
    for (let i = 0; i < DRAWS; i++) {
      const draw = this.#random();
      const slot = this.#sampler.sample(draw);
      evidence.draw = draw;
      if (slot === NO_SLOT || !isTried(request, slot)) return slot;
    }
    return untried(this.#set, request);
  }
}

/** A set's endpoints drawn in proportion to weight; follows the set as it changes. */
export class WeightedSampler {
  readonly #set: EndpointSet;
  readonly #weights: () => Float64Array;
  readonly #table = new AliasTable();
  #version = -1;

  constructor(set: EndpointSet, weights: () => Float64Array) {
    this.#set = set;
    this.#weights = weights;
  }

  sample(draw: number): Slot {
    const set = this.#set;
    if (this.#version !== set.version) {
      this.#version = set.version;
      this.#table.build(set.slots, set.count, this.#weights());
    }
    return this.#table.sample(draw);
  }
}
