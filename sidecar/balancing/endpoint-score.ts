import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";
import type { LoadReports } from "./load-reports.ts";

/** A request of our own weighs as much as so many that the endpoint has: it is fresh and certain evidence. */
const OWN_REQUEST = 4;
const OWN_REQUEST_REPORTED = 10;
/** Where load is reported, what was measured counts this much beside it: it sees pauses and neighbours that no queue shows. */
const MEASURED_PART = 0.5;
/** A recent failure multiplies the score by 1 + this, fading with the time constant below, ms. */
const SUSPICION = 30;
const SUSPICION_FADES_MS = 3_000;
/** Failure rate of the whole cluster at which suspicion of one endpoint vanishes. */
const EVERYBODY_FAILS = 0.2;
/** A failure is expected to cost so many usual answers: the retry, and its risk. */
const RETRY_COST = 10;
/** Failure rates below this, plus twice the cluster's, are noise. */
const FAILURE_NOISE = 0.03;
const MOST_CERTAIN_FAILURE = 0.99;
/** An unanswered request older than so many usual answers speaks for itself. */
const OVERDUE_ANSWERS = 4;
/** A score without own requests is kept this long, ms; it moves by 1 % at most meanwhile. */
const FRESH_MS = 20;

/**
 * What sending one more request to an endpoint is expected to cost, in ms of waiting: the fast loop's score, smallest wins.
 *
 *     measured = latency * (1 + 4 q / w)^1.5
 *     reported = service * (1 + n + 10 q / w)^1.5 + measured / 2       where the endpoint reports its load
 *     score    = (measured or reported) * suspicion + expected retries
 *
 * q: own requests in flight, w: weight relative to the mean, n: reported requests in flight.
 */
export class EndpointScore implements Columns {
  readonly #inFlight: InFlight;
  readonly #latency: LatencyEstimates;
  readonly #failures: FailureEstimates;
  readonly #reports: LoadReports;
  #idle = new Float64Array(0);
  #idleAt = new Float64Array(0);

  constructor(
    inFlight: InFlight,
    latency: LatencyEstimates,
    failures: FailureEstimates,
    reports: LoadReports,
  ) {
    this.#inFlight = inFlight;
    this.#latency = latency;
    this.#failures = failures;
    this.#reports = reports;
  }

  grow(capacity: number): void {
    this.#idle = grownFloats(this.#idle, capacity);
    this.#idleAt = grownFloats(this.#idleAt, capacity);
  }

  clear(slot: Slot): void {
    this.#idleAt[slot] = Number.NEGATIVE_INFINITY;
  }

  /** Something was learned of the endpoint. */
  invalidate(slot: Slot): void {
    this.#idleAt[slot] = Number.NEGATIVE_INFINITY;
  }

  /** Milliseconds; always positive and finite. `weight` is relative to the mean of the set. */
  of(slot: Slot, weight: number, now: number): number {
    const own = this.#inFlight.count[slot]!;
    if (own > 0) return this.#loaded(slot, own, weight, now);
    if (!(now - this.#idleAt[slot]! < FRESH_MS)) {
      this.#idle[slot] = this.#judged(slot, this.#waiting(slot, 0, now), now);
      this.#idleAt[slot] = now;
    }
    return this.#idle[slot]!;
  }

  #loaded(slot: Slot, own: number, weight: number, now: number): number {
    let waiting = this.#waiting(slot, own / weight, now);
    const age = now - this.#inFlight.oldestStart(slot);
    // False for NaN: all were answered.
    if (age > OVERDUE_ANSWERS * this.#latency.clusterMs) waiting = Math.max(waiting, age * (own + 1));
    return this.#judged(slot, waiting, now);
  }

  #waiting(slot: Slot, own: number, now: number): number {
    const measured = this.#latency.expected(slot, now) * power(1 + OWN_REQUEST * own);
    if (!this.#reports.isFresh(slot, now)) return measured;
    const load = 1 + this.#reports.inFlight(slot, now) + OWN_REQUEST_REPORTED * own;
    return this.#latency.service(slot) * power(load) + MEASURED_PART * measured;
  }

  /** With what failing costs. Only ever raises: failing fast must not attract. */
  #judged(slot: Slot, waiting: number, now: number): number {
    const failures = this.#failures;
    if (!failures.hasFailed(slot)) return waiting;
    const everybody = failures.clusterRate;
    let score = waiting;
    const inARow = failures.consecutive[slot]!;
    if (inARow > 0) {
      const faded = Math.exp((failures.lastFailureAt[slot]! - now) / SUSPICION_FADES_MS);
      score *= 1 + SUSPICION * inARow * faded * (1 - Math.min(1, everybody / EVERYBODY_FAILS));
    }
    const rate = Math.min(MOST_CERTAIN_FAILURE, failures.rate(slot, now));
    if (rate > FAILURE_NOISE + 2 * everybody)
      score += (rate / (1 - rate)) * RETRY_COST * this.#latency.clusterMs;
    return score;
  }
}

/** Load to the power of 1.5: 1 reacts too little with few callers, 2 and more too much with many. */
function power(load: number): number {
  return load * Math.sqrt(load);
}
