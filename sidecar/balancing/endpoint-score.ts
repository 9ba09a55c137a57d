import type { Random } from "../../xds/common/random.ts";
import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import type { EndpointWeights } from "./endpoint-weights.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";
import type { LoadReports } from "./load-reports.ts";
import type { SharedState } from "./policies/shared-state.ts";
import { RecentStarts } from "./recent-starts.ts";

/** A request of our own weighs as much as so many that the endpoint has: it is fresh and certain evidence. */
const OWN_REQUEST = 2;
const OWN_REQUEST_REPORTED = 30;
/** Where load is reported, what was measured counts this much beside it: it sees pauses and neighbours that no queue shows. */
const MEASURED_PART = 0.5;
/** An endpoint that nobody has tried is expected to take this part of the cluster's mean: it is tried before the known ones. */
const CURIOSITY = 0.1;
/** ... but one whose moment has not come, or whose first answer is awaited, is left alone while others are within this many times the mean. */
const LAST_RESORT = 50;
/**
 * How far an unequal share of late moves the score: an endpoint without any counts as a third faster, one with twice an equal
 * share as a third slower, never more than this. It makes equals get equal shares and weights act where nothing queues.
 */
const FAIRNESS = 0.7;
/** A recent failure multiplies the score by 1 + this, fading with the time constant below, ms. */
const SUSPICION = 100;
const SUSPICION_FADES_MS = 5_000;
/** Failure rate of the whole cluster at which suspicion of one endpoint vanishes. */
const EVERYBODY_FAILS = 0.2;
/** A failure is expected to cost so many usual answers: the retry, and its risk. */
const RETRY_COST = 10;
/** Failure rates below this, plus twice the cluster's, are noise. */
const FAILURE_NOISE = 0.03;
const MOST_CERTAIN_FAILURE = 0.99;
/** An unanswered request older than so many usual answers speaks for itself. */
const OVERDUE_ANSWERS = 4;
/** A score of which nothing was learned is computed once in so many ms; it moves by a few percent at most meanwhile. */
const MOMENT_MS = 20;

/**
 * What sending one more request to an endpoint is expected to cost, in ms of waiting: the fast loop's score, smallest wins.
 *
 *     local    = latency * (1 + 2 q / w)^1.5
 *     reported = service * (1 + n + 30 q / w)^1.5 + latency / 2        where all that answer report their load
 *     score    = (local or reported) * (1 + 0.7 (x - 1) / (1 + |x - 1|)) * suspicion + expected retries
 *
 * q: own requests in flight, w: weight relative to the mean, n: reported requests in flight,
 * x: recent share over the share due by weight and, where load is reported, by speed.
 */
export class EndpointScore implements Columns {
  readonly #inFlight: InFlight;
  readonly #latency: LatencyEstimates;
  readonly #failures: FailureEstimates;
  readonly #reports: LoadReports;
  readonly #weights: EndpointWeights;
  readonly #random: Random;
  /** How far a newcomer's slow start must have come before this sidecar tries it, 0..1: drawn, so that not all do at once. */
  #caution = new Float64Array(0);
  readonly #starts = new RecentStarts();
  #score = new Float64Array(0);
  /** For which moment `#score` was computed; -Infinity: something was learned since. */
  #scoredAt = new Float64Array(0);
  #count = 1;
  #moment = 0;

  constructor(state: SharedState) {
    this.#inFlight = state.inFlight;
    this.#latency = state.latency;
    this.#failures = state.failures;
    this.#reports = state.reports;
    this.#weights = state.weights;
    this.#random = state.random;
  }

  grow(capacity: number): void {
    this.#starts.grow(capacity);
    this.#caution = grownFloats(this.#caution, capacity);
    this.#score = grownFloats(this.#score, capacity);
    this.#scoredAt = grownFloats(this.#scoredAt, capacity);
  }

  clear(slot: Slot): void {
    this.#starts.clear(slot);
    this.#caution[slot] = this.#random();
    this.#scoredAt[slot] = Number.NEGATIVE_INFINITY;
  }

  /** Something was learned of the endpoint. */
  invalidate(slot: Slot): void {
    this.#scoredAt[slot] = Number.NEGATIVE_INFINITY;
  }

  onStart(slot: Slot, now: number): void {
    this.#starts.add(slot, now);
    this.invalidate(slot);
  }

  /** A comparison of `count` endpoints at `now` begins. */
  begin(count: number, now: number): void {
    this.#count = count;
    // By the clock, not by who asked first: a dry run must not move what is kept.
    this.#moment = now - (now % MOMENT_MS);
  }

  /**
   * Milliseconds; always positive and finite. `weight`: what it can carry, `due`: its part of the starts, both relative to the
   * mean of those compared. Computed anew when something was learned of the endpoint, else once per moment.
   */
  of(slot: Slot, weight: number, due: number): number {
    const moment = this.#moment;
    if (this.#scoredAt[slot] !== moment) {
      const reports = this.#reports.isFresh(slot, moment);
      const waiting = this.#waiting(slot, weight, due, reports, moment);
      this.#score[slot] = this.#judged(slot, waiting, moment);
      this.#scoredAt[slot] = moment;
    }
    return this.#score[slot]!;
  }

  #waiting(slot: Slot, weight: number, due: number, reports: boolean, now: number): number {
    const own = this.#inFlight.count[slot]!;
    let x = this.#starts.relative(slot, this.#count) / due;
    if (reports) x *= this.#latency.slowness(slot);
    const fairness = 1 + (FAIRNESS * (x - 1)) / (1 + Math.abs(x - 1));
    const waiting = fairness * this.#answering(slot, own / weight, reports, now);
    if (own === 0) return waiting;
    const age = now - this.#inFlight.oldestStart(slot);
    // False for NaN: all were answered.
    return age > OVERDUE_ANSWERS * this.#latency.clusterMs ? Math.max(waiting, age * (own + 1)) : waiting;
  }

  #answering(slot: Slot, own: number, reports: boolean, now: number): number {
    const load = power(1 + OWN_REQUEST * own);
    if (this.#latency.isUnknown(slot)) {
      const grown = this.#weights.grown[slot]!;
      const curious = own === 0 && (grown === 1 || grown > this.#caution[slot]!);
      return this.#latency.clusterMs * load * (curious ? CURIOSITY : LAST_RESORT / grown);
    }
    const latency = this.#latency.expected(slot, now);
    if (!reports) return latency * load;
    const queue = 1 + this.#reports.inFlight(slot, now) + OWN_REQUEST_REPORTED * own;
    return this.#latency.service(slot) * power(queue) + MEASURED_PART * latency;
  }

  /** With what failing costs. Only ever raises: failing fast must not attract. */
  #judged(slot: Slot, waiting: number, now: number): number {
    const failures = this.#failures;
    const reported = this.#reports.errorRate(slot, now);
    if (reported === 0 && !failures.hasFailed(slot)) return waiting;
    const everybody = failures.clusterRate;
    let score = waiting;
    const inARow = failures.consecutive[slot]!;
    if (inARow > 0) {
      const faded = Math.exp((failures.lastFailureAt[slot]! - now) / SUSPICION_FADES_MS);
      score *= 1 + SUSPICION * inARow * faded * (1 - Math.min(1, everybody / EVERYBODY_FAILS));
    }
    const rate = Math.min(MOST_CERTAIN_FAILURE, Math.max(reported, failures.rate(slot, now)));
    if (rate > FAILURE_NOISE + 2 * everybody)
      score += (rate / (1 - rate)) * RETRY_COST * this.#latency.clusterMs;
    return score;
  }
}

/** Load to the power of 1.5: 1 reacts too little with few callers, 2 and more too much with many. */
function power(load: number): number {
  return load * Math.sqrt(load);
}
