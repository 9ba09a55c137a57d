import type { Random } from "../../../xds/common/random.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { EdfSchedule } from "../edf-schedule.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { type Evidence, PICK_REASON } from "../evidence.ts";
import type { InFlight } from "../in-flight.ts";
import type { LoadTable } from "../load-table.ts";
import { type Chooser, isTried } from "./policy.ts";
import { equalWeights } from "./round-robin.ts";

export interface LeastRequestOptions {
  readonly choiceCount: number;
  readonly activeRequestBias: number;
  readonly fullScan: boolean;
}

/**
 * Fewest requests in flight, as Envoy has it: equal weights compare `choiceCount` draws (or all), unequal ones take turns
 * by weight / (in flight + 1)^bias, judged when an endpoint's turn comes.
 */
export class LeastRequest implements Chooser {
  readonly #set: EndpointSet;
  readonly #options: LeastRequestOptions;
  readonly #inFlight: InFlight;
  readonly #weights: () => Float64Array;
  readonly #random: Random;
  readonly #schedule = new EdfSchedule();
  #version = -1;
  #equal = true;

  constructor(set: EndpointSet, options: LeastRequestOptions, table: LoadTable) {
    this.#set = set;
    this.#options = options;
    this.#inFlight = table.inFlight;
    this.#weights = () => table.weights.effective;
    this.#random = table.random;
  }

  choose(request: PickRequest, _now: number, evidence: Evidence): Slot {
    const set = this.#set;
    if (this.#version !== set.version) {
      this.#version = set.version;
      this.#equal = equalWeights(set, this.#weights());
      if (!this.#equal) this.#schedule.build(set.slots, set.count, this.#weights(), this.#random);
    }
    if (!this.#equal && !this.#options.fullScan) {
      evidence.reason = PICK_REASON.rotation;
      return this.#inTurn(request);
    }
    evidence.reason = PICK_REASON.lowestScore;
    const draw = this.#random();
    evidence.draw = draw;
    return this.#options.fullScan || set.count <= 2
      ? this.#best(request, draw)
      : this.#bestOfDraws(request, draw);
  }

  onStart(slot: Slot): void {
    if (this.#equal || this.#options.fullScan) return;
    const load = this.#inFlight.count[slot]! ** this.#options.activeRequestBias;
    this.#schedule.pass(slot, this.#weights()[slot]! / load);
  }

  /** All compared, from a random place on, so that ties fall evenly. */
  #best(request: PickRequest, draw: number): Slot {
    const set = this.#set;
    const weights = this.#weights();
    const count = this.#inFlight.count;
    const bias = this.#options.activeRequestBias;
    let best = NO_SLOT;
    let bestLoad = Number.POSITIVE_INFINITY;
    let at = Math.floor(draw * set.count);
    for (let i = 0; i < set.count; i++) {
      if (++at >= set.count) at = 0;
      const slot = set.slots[at]!;
      const active = count[slot]! + 1;
      const load = (bias === 1 || this.#equal ? active : active ** bias) / weights[slot]!;
      if (load >= bestLoad || isTried(request, slot)) continue;
      best = slot;
      bestLoad = load;
    }
    return best;
  }

  #bestOfDraws(request: PickRequest, first: number): Slot {
    const set = this.#set;
    const count = this.#inFlight.count;
    let best = NO_SLOT;
    let draw = first;
    for (let i = 0; i < this.#options.choiceCount; i++) {
      const slot = set.slots[Math.floor(draw * set.count)]!;
      draw = this.#random();
      if (isTried(request, slot)) continue;
      if (best === NO_SLOT || count[slot]! < count[best]!) best = slot;
    }
    return best === NO_SLOT ? this.#best(request, draw) : best;
  }

  #inTurn(request: PickRequest): Slot {
    const next = this.#schedule.peek();
    return isTried(request, next) ? this.#schedule.peekUntried(request.tried) : next;
  }
}
