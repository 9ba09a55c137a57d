import type { Random } from "../../../xds/common/random.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import type { EndpointWeights } from "../endpoint-weights.ts";
import { EVIDENCE_CANDIDATES, type Evidence, PICK_REASON } from "../evidence.ts";
import type { FailureEstimates } from "../failure-estimates.ts";
import type { InFlight } from "../in-flight.ts";
import type { LatencyEstimates } from "../latency-estimates.ts";
import { type Chooser, isTried, type Policy } from "./policy.ts";
import { WeightedSampler } from "./random.ts";

/** One request of our own in flight weighs as much as so many seen by the endpoint: it is fresh and certain evidence. */
const OWN_REQUEST_WEIGHT = 10;
/** How steeply load repels. 1 reacts too little with few callers, 2 and more too much with many. */
const LOAD_EXPONENT = 1.5;
const LARGEST_TABLED_LOAD = 64;
/** A recent failure multiplies the score by 1 + this, fading with the time constant below, ms. */
const SUSPICION = 30;
const SUSPICION_FADES_MS = 1_500;
/** Failure rate of the whole cluster at which suspicion of one endpoint vanishes. */
const EVERYBODY_FAILS = 0.2;
/** A failure is expected to cost so many usual answers: the retry, and its risk. */
const RETRY_COST = 10;
/** Failure rates below this, plus twice the cluster's, are noise. */
const FAILURE_NOISE = 0.03;
/** An unanswered request older than so many usual answers speaks for itself. */
const OVERDUE_ANSWERS = 4;

/** (1 + 10 q)^1.5, tabled: a power per candidate would be most of a pick's cost. */
const LOAD_FACTOR = Float64Array.from(
  { length: LARGEST_TABLED_LOAD },
  (_, q) => (1 + OWN_REQUEST_WEIGHT * q) ** LOAD_EXPONENT,
);

export interface AdaptiveParts {
  readonly inFlight: InFlight;
  readonly latency: LatencyEstimates;
  readonly failures: FailureEstimates;
  readonly weights: EndpointWeights;
  readonly random: Random;
  readonly scanLimit: number;
  readonly explorationFloor: number;
}

/** The default: the endpoint that is expected to answer first, judged from what this sidecar itself saw. */
export class Adaptive implements Policy {
  readonly #parts: AdaptiveParts;

  constructor(parts: AdaptiveParts) {
    this.#parts = parts;
  }

  chooser(set: EndpointSet): Chooser {
    return new AdaptiveChooser(set, this.#parts);
  }
}

class AdaptiveChooser implements Chooser {
  readonly #set: EndpointSet;
  readonly #parts: AdaptiveParts;
  readonly #sampler: WeightedSampler;

  constructor(set: EndpointSet, parts: AdaptiveParts) {
    this.#set = set;
    this.#parts = parts;
    this.#sampler = new WeightedSampler(set, () => parts.weights.effective);
  }

  choose(request: PickRequest, now: number, evidence: Evidence): Slot {
    const set = this.#set;
    const random = this.#parts.random;
    const all = set.count <= this.#parts.scanLimit;
    const compared = all ? set.count : this.#parts.scanLimit;
    const draw = random();
    let at = Math.floor(draw * set.count);
    evidence.draw = draw;
    evidence.reason = PICK_REASON.lowestScore;
    for (let i = 0; i < compared; i++) {
      let slot: Slot;
      if (all) {
        if (++at >= set.count) at = 0;
        slot = set.slots[at]!;
      } else slot = this.#sampler.sample(random());
      if (isTried(request, slot)) continue;
      this.#record(evidence, slot, this.#score(slot, now));
    }
    if (evidence.count === 0) return all ? NO_SLOT : this.#anyUntried(request);
    return evidence.slots[0]!;
  }

  #score(slot: Slot, now: number): number {
    const { inFlight, latency, failures, weights } = this.#parts;
    const own = inFlight.count[slot]!;
    const load =
      own < LARGEST_TABLED_LOAD ? LOAD_FACTOR[own]! : (1 + OWN_REQUEST_WEIGHT * own) ** LOAD_EXPONENT;
    let score = latency.expected(slot, now) * load;
    const usual = latency.clusterMs;
    const age = now - inFlight.oldestStart(slot);
    if (age > OVERDUE_ANSWERS * usual && age * (own + 1) > score) score = age * (own + 1);
    const rate = failures.rate(slot, now);
    const everybody = failures.clusterRate;
    if (rate > FAILURE_NOISE + 2 * everybody) score += (rate / (1 - rate)) * RETRY_COST * usual;
    const inARow = failures.consecutive[slot]!;
    if (inARow > 0) {
      const faded = Math.exp((failures.lastFailureAt[slot]! - now) / SUSPICION_FADES_MS);
      score *= 1 + SUSPICION * inARow * faded * (1 - Math.min(1, everybody / EVERYBODY_FAILS));
    }
    return score / weights.effective[slot]!;
  }

  /** Keeps the lowest scores in order. */
  #record(evidence: Evidence, slot: Slot, score: number): void {
    const { scores, slots } = evidence;
    let at = evidence.count;
    if (at === EVIDENCE_CANDIDATES) {
      if (score >= scores[at - 1]!) return;
      at--;
    } else evidence.count++;
    while (at > 0 && scores[at - 1]! > score) {
      scores[at] = scores[at - 1]!;
      slots[at] = slots[at - 1]!;
      at--;
    }
    scores[at] = score;
    slots[at] = slot;
  }

  #anyUntried(request: PickRequest): Slot {
    const set = this.#set;
    for (let i = 0; i < set.count; i++) if (!isTried(request, set.slots[i]!)) return set.slots[i]!;
    return NO_SLOT;
  }
}
