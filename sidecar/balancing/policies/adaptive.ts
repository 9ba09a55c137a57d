import type { Random } from "../../../xds/common/random.ts";
import type { AdaptiveSettings } from "../adaptive-settings.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { EndpointScore } from "../endpoint-score.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { EVIDENCE_CANDIDATES, type Evidence, PICK_REASON } from "../evidence.ts";
import { Exploration } from "../exploration.ts";
import { type Chooser, isTried, type Policy } from "./policy.ts";
import { WeightedSampler } from "./random.ts";
import type { SharedState } from "./shared-state.ts";

/** Where places matter, an endpoint elsewhere is chosen when it is expected to answer in less than 1/this of the time, and is due as much less. */
const FAR = 2;

/** The default policy: the endpoint that is expected to answer first, judged from what this sidecar itself saw. */
export class Adaptive implements Policy {
  readonly #state: SharedState;
  readonly #settings: AdaptiveSettings;
  readonly #score: EndpointScore;
  readonly #exploration: Exploration;

  constructor(state: SharedState, settings: AdaptiveSettings) {
    this.#state = state;
    this.#settings = settings;
    this.#score = new EndpointScore(state);
    this.#exploration = new Exploration(state.inFlight, state.failures, settings.explorationFloor);
  }

  grow(capacity: number): void {
    this.#score.grow(capacity);
    this.#exploration.grow(capacity);
  }

  clear(slot: Slot): void {
    this.#score.clear(slot);
    this.#exploration.clear(slot);
  }

  onEnd(slot: Slot): void {
    this.#score.invalidate(slot);
  }

  onLoadReport(slot: Slot): void {
    this.#score.invalidate(slot);
  }

  chooser(set: EndpointSet): Chooser {
    return new AdaptiveChooser(set, this.#state, this.#settings, this.#score, this.#exploration);
  }
}

class AdaptiveChooser implements Chooser {
  readonly #set: EndpointSet;
  readonly #state: SharedState;
  readonly #random: Random;
  /** Up to so many endpoints are all compared; above it a quarter as many drawn by weight, and as many last used. */
  readonly #scanLimit: number;
  readonly #sampleSize: number;
  /** The last used, oldest overwritten; NO_SLOT: not so many yet. What they answered is fresh, which no draw is likely to be. */
  readonly #used: Int32Array;
  #usedCount = 0;
  readonly #score: EndpointScore;
  readonly #exploration: Exploration;
  readonly #sampler: WeightedSampler;
  /** By slot, of the set's endpoints: weight with mean 1 ... */
  #weight = new Float64Array(0);
  /** ... and, where a zone is preferred, the part of the starts that is due, with mean 1, and what the place multiplies the score by. */
  #due = new Float64Array(0);
  #distance = new Float64Array(0);
  #version = -1;

  constructor(
    set: EndpointSet,
    state: SharedState,
    settings: AdaptiveSettings,
    score: EndpointScore,
    exploration: Exploration,
  ) {
    this.#set = set;
    this.#state = state;
    this.#random = state.random;
    this.#scanLimit = settings.scanLimit;
    this.#sampleSize = Math.max(2, settings.scanLimit >> 2);
    this.#used = new Int32Array(this.#sampleSize).fill(NO_SLOT);
    this.#score = score;
    this.#exploration = exploration;
    this.#sampler = new WeightedSampler(set, () => state.weights.effective);
  }

  choose(request: PickRequest, now: number, evidence: Evidence): Slot {
    const set = this.#set;
    if (this.#version !== set.version) this.#weigh();
    this.#score.begin(set.count, now);
    const draw = this.#random();
    evidence.draw = draw;
    evidence.reason = PICK_REASON.lowestScore;
    const all = set.count <= this.#scanLimit;
    let slot = all ? this.#bestOfAll(request, draw, evidence) : this.#bestOfSample(request, draw, evidence);
    if (slot === NO_SLOT) return NO_SLOT;
    if (request.tried.length === 0) {
      const overdue = this.#exploration.overdue(set, now);
      if (overdue !== NO_SLOT && overdue !== slot) {
        slot = overdue;
        evidence.reason = PICK_REASON.exploration;
      }
    }
    if (evidence.slots[0] !== slot) putFirst(evidence, slot, this.#costOf(slot));
    return slot;
  }

  onStart(slot: Slot, now: number): void {
    this.#used[this.#usedCount++ % this.#sampleSize] = slot;
    this.#score.onStart(slot, now);
    this.#exploration.picked(slot);
  }

  /** All are compared, from a random place on, so that ties fall evenly. */
  #bestOfAll(request: PickRequest, draw: number, evidence: Evidence): Slot {
    const set = this.#set;
    for (let i = 0, at = Math.floor(draw * set.count); i < set.count; i++, at++) {
      if (at === set.count) at = 0;
      const slot = set.slots[at]!;
      if (isTried(request, slot)) continue;
      const score = this.#costOf(slot);
      if (evidence.count < EVIDENCE_CANDIDATES || score < evidence.scores[EVIDENCE_CANDIDATES - 1]!) {
        record(evidence, slot, score);
      }
    }
    return evidence.count === 0 ? NO_SLOT : evidence.slots[0]!;
  }

  #bestOfSample(request: PickRequest, first: number, evidence: Evidence): Slot {
    for (let i = 0; i < this.#sampleSize; i++) {
      const slot = this.#used[i]!;
      // Without weight: it is not in the set any more.
      if (slot === NO_SLOT || this.#weight[slot] === 0 || isTried(request, slot)) continue;
      record(evidence, slot, this.#costOf(slot));
    }
    let draw = first;
    for (let i = 0; i < this.#sampleSize; i++) {
      const slot = this.#sampler.sample(draw);
      draw = this.#random();
      if (!isTried(request, slot)) record(evidence, slot, this.#costOf(slot));
    }
    if (evidence.count > 0) return evidence.slots[0]!;
    for (let i = 0; i < this.#set.count; i++) {
      if (!isTried(request, this.#set.slots[i]!)) return this.#set.slots[i]!;
    }
    return NO_SLOT;
  }

  #costOf(slot: Slot): number {
    const weight = this.#weight[slot]!;
    if (this.#set.near === undefined) return this.#score.of(slot, weight, weight);
    return this.#score.of(slot, weight, this.#due[slot]!) * this.#distance[slot]!;
  }

  #weigh(): void {
    const set = this.#set;
    const { roster, weights } = this.#state;
    const { effective } = weights;
    this.#version = set.version;
    if (this.#weight.length < effective.length) {
      this.#weight = new Float64Array(effective.length);
      this.#due = new Float64Array(effective.length);
      this.#distance = new Float64Array(effective.length);
    }
    this.#weight.fill(0);
    let sum = 0;
    let dueSum = 0;
    for (let i = 0; i < set.count; i++) {
      const slot = set.slots[i]!;
      const far = set.near !== undefined && roster.locality(slot)?.zone !== set.near;
      this.#distance[slot] = far ? FAR : 1;
      this.#due[slot] = effective[slot]! * (far ? 1 / FAR : 1);
      sum += effective[slot]!;
      dueSum += this.#due[slot]!;
    }
    for (let i = 0; i < set.count; i++) {
      const slot = set.slots[i]!;
      this.#weight[slot] = (effective[slot]! / sum) * set.count;
      this.#due[slot] = (this.#due[slot]! / dueSum) * set.count;
    }
  }
}

/** Keeps the lowest scores in order. A sample may hold an endpoint twice; it is kept once. */
function record(evidence: Evidence, slot: Slot, score: number): void {
  const { scores, slots } = evidence;
  let at = evidence.count;
  if (at === EVIDENCE_CANDIDATES && score >= scores[at - 1]!) return;
  for (let i = 0; i < at; i++) if (slots[i] === slot) return;
  if (at === EVIDENCE_CANDIDATES) at--;
  else evidence.count++;
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
