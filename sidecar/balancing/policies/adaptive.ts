import type { Random } from "../../../xds/common/random.ts";
import type { AdaptiveSettings } from "../adaptive-settings.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { EndpointScore } from "../endpoint-score.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { EVIDENCE_CANDIDATES, type Evidence, PICK_REASON } from "../evidence.ts";
import { Exploration } from "../exploration.ts";
import type { LoadTable } from "../load-table.ts";
import { SetWeights } from "../set-weights.ts";
import { type Chooser, isTried, type Policy, untried } from "./policy.ts";
import { WeightedSampler } from "./random.ts";

/** The default policy: the endpoint that is expected to answer first, judged from what this sidecar itself saw. */
export class Adaptive implements Policy {
  readonly #table: LoadTable;
  readonly #settings: AdaptiveSettings;
  readonly #score: EndpointScore;
  readonly #exploration: Exploration;

  constructor(table: LoadTable, settings: AdaptiveSettings) {
    this.#table = table;
    this.#settings = settings;
    this.#score = new EndpointScore(table);
    this.#exploration = new Exploration(table.inFlight, table.failures, settings.explorationFloor);
  }

  grow(capacity: number): void {
    this.#score.grow(capacity);
    this.#exploration.grow(capacity);
  }

  onEnd(slot: Slot): void {
    this.#score.invalidate(slot);
  }

  onLoadReport(slot: Slot): void {
    this.#score.invalidate(slot);
  }

  clear(slot: Slot): void {
    this.#score.clear(slot);
    this.#exploration.clear(slot);
  }

  chooser(set: EndpointSet): Chooser {
    return new AdaptiveChooser(set, this.#table, this.#settings, this.#score, this.#exploration);
  }
}

class AdaptiveChooser implements Chooser {
  readonly #set: EndpointSet;
  readonly #random: Random;
  /** Up to so many endpoints are all compared; above it a quarter as many drawn by weight, and as many last used. */
  readonly #scanLimit: number;
  readonly #sampleSize: number;
  /** The last used, oldest overwritten; NO_SLOT: not so many yet. What they answered is fresh, which no draw is likely to be. */
  readonly #used: Int32Array;
  /** Those that the pick at hand compares, where it does not compare all. */
  readonly #candidates: Int32Array;
  #usedCount = 0;
  readonly #score: EndpointScore;
  readonly #exploration: Exploration;
  readonly #sampler: WeightedSampler;
  readonly #weights: SetWeights;

  constructor(
    set: EndpointSet,
    table: LoadTable,
    settings: AdaptiveSettings,
    score: EndpointScore,
    exploration: Exploration,
  ) {
    this.#set = set;
    this.#random = table.random;
    this.#scanLimit = settings.scanLimit;
    this.#sampleSize = Math.max(2, settings.scanLimit >> 2);
    this.#used = new Int32Array(this.#sampleSize).fill(NO_SLOT);
    this.#candidates = new Int32Array(2 * this.#sampleSize);
    this.#score = score;
    this.#exploration = exploration;
    this.#weights = new SetWeights(set, table.roster, table.weights);
    this.#sampler = new WeightedSampler(set, () => table.weights.effective);
  }

  choose(request: PickRequest, now: number, evidence: Evidence): Slot {
    const set = this.#set;
    this.#weights.follow();
    const draw = this.#random();
    evidence.draw = draw;
    evidence.reason = PICK_REASON.lowestScore;
    if (set.count <= this.#scanLimit)
      this.#compare(set.slots, set.count, Math.floor(draw * set.count), request, now, evidence);
    else this.#compare(this.#candidates, this.#gather(), 0, request, now, evidence);
    let slot = evidence.count > 0 ? evidence.slots[0]! : untried(set, request);
    if (slot === NO_SLOT) return NO_SLOT;
    if (request.tried.length === 0) {
      const overdue = this.#exploration.overdue(set, now);
      if (overdue !== NO_SLOT && overdue !== slot) {
        slot = overdue;
        evidence.reason = PICK_REASON.exploration;
      }
    }
    if (evidence.slots[0] !== slot) {
      this.#candidates[0] = slot;
      this.#score.judge(this.#candidates, 1, this.#weights, set.count, now);
      putFirst(evidence, slot, this.#score.cost[slot]! * (this.#weights.distance?.[slot] ?? 1));
    }
    return slot;
  }

  onStart(slot: Slot, now: number): void {
    this.#used[this.#usedCount++ % this.#sampleSize] = slot;
    this.#score.onStart(slot, now);
    this.#exploration.picked(slot);
  }

  /** The last used and as many drawn by weight, each once; how many. */
  #gather(): number {
    const { carried } = this.#weights;
    let count = 0;
    for (let i = 0; i < 2 * this.#sampleSize; i++) {
      const slot = i < this.#sampleSize ? this.#used[i]! : this.#sampler.sample(this.#random());
      // Without weight: it is not in the set any more.
      if (slot === NO_SLOT || carried[slot] === 0) continue;
      let known = 0;
      while (known < count && this.#candidates[known] !== slot) known++;
      if (known === count) this.#candidates[count++] = slot;
    }
    return count;
  }

  /** The best of `slots`, from a place on so that ties fall evenly, into the evidence. */
  #compare(
    slots: Int32Array,
    count: number,
    from: number,
    request: PickRequest,
    now: number,
    evidence: Evidence,
  ): void {
    this.#score.judge(slots, count, this.#weights, this.#set.count, now);
    const { cost } = this.#score;
    const { distance } = this.#weights;
    for (let i = 0, at = from; i < count; i++, at++) {
      if (at === count) at = 0;
      const slot = slots[at]!;
      const score = distance === undefined ? cost[slot]! : cost[slot]! * distance[slot]!;
      if (evidence.count === EVIDENCE_CANDIDATES && score >= evidence.scores[EVIDENCE_CANDIDATES - 1]!)
        continue;
      if (!isTried(request, slot)) record(evidence, slot, score);
    }
  }
}

/** Keeps the lowest scores in order. */
function record(evidence: Evidence, slot: Slot, score: number): void {
  const { scores, slots } = evidence;
  let at = evidence.count < EVIDENCE_CANDIDATES ? evidence.count++ : EVIDENCE_CANDIDATES - 1;
  for (; at > 0 && scores[at - 1]! > score; at--) {
    scores[at] = scores[at - 1]!;
    slots[at] = slots[at - 1]!;
  }
  scores[at] = score;
  slots[at] = slot;
}

/** The chosen one stands first, whatever its score. */
function putFirst(evidence: Evidence, slot: Slot, score: number): void {
  const { scores, slots } = evidence;
  let at = 0;
  while (at < evidence.count && slots[at] !== slot) at++;
  if (at === evidence.count) {
    if (at < EVIDENCE_CANDIDATES) evidence.count++;
    else at--;
  }
  for (; at > 0; at--) {
    scores[at] = scores[at - 1]!;
    slots[at] = slots[at - 1]!;
  }
  scores[0] = score;
  slots[0] = slot;
}
