import type { Random } from "../../../xds/common/random.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { grownFloats } from "../column.ts";
import { EndpointScore } from "../endpoint-score.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { EVIDENCE_CANDIDATES, type Evidence, PICK_REASON } from "../evidence.ts";
import { Exploration } from "../exploration.ts";
import { type Chooser, isTried, type Policy } from "./policy.ts";
import { WeightedSampler } from "./random.ts";
import type { SharedState } from "./shared-state.ts";

/** Scores this close are equal: then it goes by turns. */
const TIE = 0.05;
/** Where the operator gave unequal weights, endpoints up to twice as slow take turns too, or weights would rule only ties. */
const WEIGHTED_TIE = 1;

export interface AdaptiveSettings {
  /** Up to this many endpoints are all compared; above it a weighted sample of half as many. */
  readonly scanLimit: number;
  /** Least part of its fair share that a ready endpoint keeps. */
  readonly explorationFloor: number;
}

/** The default policy: the endpoint that is expected to answer first, judged from what this sidecar itself saw. */
export class Adaptive implements Policy {
  readonly #state: SharedState;
  readonly #settings: AdaptiveSettings;
  readonly #score: EndpointScore;
  readonly #exploration: Exploration;
  /** When each endpoint's next turn comes, in turns of an endpoint of mean weight. */
  #turns = new Float64Array(0);

  constructor(state: SharedState, settings: AdaptiveSettings) {
    this.#state = state;
    this.#settings = settings;
    this.#score = new EndpointScore(state.inFlight, state.latency, state.failures, state.reports);
    this.#exploration = new Exploration(
      state.inFlight,
      state.latency,
      state.failures,
      settings.explorationFloor,
    );
  }

  grow(capacity: number): void {
    this.#score.grow(capacity);
    this.#exploration.grow(capacity);
    this.#turns = grownFloats(this.#turns, capacity);
  }

  clear(slot: Slot): void {
    this.#score.clear(slot);
    this.#exploration.clear(slot);
    this.#turns[slot] = 0;
  }

  onEnd(slot: Slot): void {
    this.#score.invalidate(slot);
  }

  onLoadReport(slot: Slot): void {
    this.#score.invalidate(slot);
  }

  chooser(set: EndpointSet): Chooser {
    const turns = () => this.#turns;
    return new AdaptiveChooser(set, this.#state, this.#settings, this.#score, this.#exploration, turns);
  }
}

class AdaptiveChooser implements Chooser {
  readonly #set: EndpointSet;
  readonly #state: SharedState;
  readonly #random: Random;
  readonly #scanLimit: number;
  readonly #sampleSize: number;
  readonly #score: EndpointScore;
  readonly #exploration: Exploration;
  readonly #turns: () => Float64Array;
  readonly #sampler: WeightedSampler;
  readonly #scores: Float64Array;
  #version = -1;
  #meanWeight = 1;
  #tie = TIE;
  #turn = 0;

  constructor(
    set: EndpointSet,
    state: SharedState,
    settings: AdaptiveSettings,
    score: EndpointScore,
    exploration: Exploration,
    turns: () => Float64Array,
  ) {
    this.#set = set;
    this.#state = state;
    this.#random = state.random;
    this.#scanLimit = settings.scanLimit;
    this.#sampleSize = Math.max(2, settings.scanLimit >> 1);
    this.#score = score;
    this.#exploration = exploration;
    this.#turns = turns;
    this.#sampler = new WeightedSampler(set, () => state.weights.effective);
    this.#scores = new Float64Array(settings.scanLimit);
  }

  choose(request: PickRequest, now: number, evidence: Evidence): Slot {
    const set = this.#set;
    if (this.#version !== set.version) this.#weigh();
    const draw = this.#random();
    evidence.draw = draw;
    evidence.reason = PICK_REASON.lowestScore;
    const all = set.count <= this.#scanLimit;
    let slot = all
      ? this.#bestOfAll(request, draw, now, evidence)
      : this.#bestOfSample(request, draw, now, evidence);
    if (slot === NO_SLOT) return NO_SLOT;
    if (request.tried.length === 0) {
      const overdue = this.#exploration.overdue(set, now);
      if (overdue !== NO_SLOT && overdue !== slot) {
        slot = overdue;
        evidence.reason = PICK_REASON.exploration;
      }
    }
    if (evidence.slots[0] !== slot) putFirst(evidence, slot, this.#score.of(slot, this.#weight(slot), now));
    return slot;
  }

  onStart(slot: Slot): void {
    const turns = this.#turns();
    // One who sat out does not save up turns.
    this.#turn = Math.max(this.#turn, Math.min(turns[slot]!, this.#turn + 1));
    turns[slot] = Math.max(turns[slot]!, this.#turn) + 1 / this.#weight(slot);
    this.#exploration.picked(slot);
  }

  /** All are compared, from a random place on; near ties go to the one whose turn it is. */
  #bestOfAll(request: PickRequest, draw: number, now: number, evidence: Evidence): Slot {
    const set = this.#set;
    const scores = this.#scores;
    const from = Math.floor(draw * set.count);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0, at = from; i < set.count; i++, at++) {
      if (at === set.count) at = 0;
      const slot = set.slots[at]!;
      if (isTried(request, slot)) {
        scores[at] = Number.POSITIVE_INFINITY;
        continue;
      }
      const score = this.#score.of(slot, this.#weight(slot), now);
      scores[at] = score;
      if (score < least) least = score;
      if (evidence.count < EVIDENCE_CANDIDATES || score < evidence.scores[EVIDENCE_CANDIDATES - 1]!) {
        record(evidence, slot, score);
      }
    }
    const turns = this.#turns();
    const close = least * (1 + this.#tie);
    let best = NO_SLOT;
    for (let i = 0, at = from; i < set.count; i++, at++) {
      if (at === set.count) at = 0;
      if (!(scores[at]! <= close) || scores[at] === Number.POSITIVE_INFINITY) continue;
      const slot = set.slots[at]!;
      if (best === NO_SLOT || turns[slot]! < turns[best]!) best = slot;
    }
    return best;
  }

  #bestOfSample(request: PickRequest, first: number, now: number, evidence: Evidence): Slot {
    let draw = first;
    for (let i = 0; i < this.#sampleSize; i++) {
      const slot = this.#sampler.sample(draw);
      draw = this.#random();
      if (!isTried(request, slot)) record(evidence, slot, this.#score.of(slot, this.#weight(slot), now));
    }
    if (evidence.count > 0) return evidence.slots[0]!;
    for (let i = 0; i < this.#set.count; i++) {
      if (!isTried(request, this.#set.slots[i]!)) return this.#set.slots[i]!;
    }
    return NO_SLOT;
  }

  #weight(slot: Slot): number {
    return this.#state.weights.effective[slot]! / this.#meanWeight;
  }

  #weigh(): void {
    const set = this.#set;
    const { effective } = this.#state.weights;
    const operator = this.#state.roster.weights;
    this.#version = set.version;
    let sum = 0;
    let equal = true;
    for (let i = 0; i < set.count; i++) {
      sum += effective[set.slots[i]!]!;
      equal &&= operator[set.slots[i]!] === operator[set.slots[0]!];
    }
    this.#meanWeight = set.count === 0 ? 1 : sum / set.count;
    this.#tie = equal ? TIE : WEIGHTED_TIE;
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
