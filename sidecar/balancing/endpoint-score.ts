import type { Random } from "../../xds/common/random.ts";
import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import { type EndpointWeights, SPARED_PART } from "./endpoint-weights.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";
import type { LoadReports } from "./load-reports.ts";
import type { LoadTable } from "./load-table.ts";
import { RecentStarts } from "./recent-starts.ts";
import type { SetWeights } from "./set-weights.ts";

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
/** A cost of which nothing was learned is computed once in so many ms; it moves by a few percent at most meanwhile. */
const MOMENT_MS = 20;

/**
 * What sending one more request to an endpoint is expected to cost, in ms of waiting: the fast loop's score, smallest wins.
 *
 *     local    = latency * (1 + 2 q / w)^1.5
 *     reported = service * (1 + n + 30 q / w)^1.5 + latency / 2        where all that answer report their load
 *     score    = (local or reported) * (1 + 0.7 (x - 1) / (1 + |x - 1|)) * spared * suspicion + expected retries
 *
 * q: own requests in flight, w: weight relative to the mean, n: reported requests in flight,
 * x: recent share over the share due by weight and, where load is reported, by speed; spared: 10 while it asks to be, else 1.
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
  /** By slot, ms, always positive and finite: as `judge` found it last. */
  cost = new Float64Array(0);
  /** Until when it stands; -Infinity: something was learned since. */
  #until = new Float64Array(0);

  constructor(table: LoadTable) {
    this.#inFlight = table.inFlight;
    this.#latency = table.latency;
    this.#failures = table.failures;
    this.#reports = table.reports;
    this.#weights = table.weights;
    this.#random = table.random;
  }

  grow(capacity: number): void {
    this.#starts.grow(capacity);
    this.#caution = grownFloats(this.#caution, capacity);
    this.cost = grownFloats(this.cost, capacity);
    this.#until = grownFloats(this.#until, capacity);
  }

  clear(slot: Slot): void {
    this.#starts.clear(slot);
    this.#caution[slot] = this.#random();
    this.invalidate(slot);
  }

  onStart(slot: Slot, now: number): void {
    this.#starts.add(slot, now);
    this.invalidate(slot);
  }

  /** Something was learned of the endpoint. */
  invalidate(slot: Slot): void {
    this.#until[slot] = Number.NEGATIVE_INFINITY;
  }

  /** Brings the costs of the first `count` of `slots` up to date, which are of a set of `among`. */
  judge(slots: Int32Array, count: number, weights: SetWeights, among: number, now: number): void {
    const until = this.#until;
    for (let i = 0; i < count; i++)
      if (!(now < until[slots[i]!]!)) this.#judge(slots[i]!, weights, among, now);
  }

  /** Numbers pass in columns: returned, each would be an object. */
  #judge(slot: Slot, weights: SetWeights, among: number, at: number): void {
    // By the clock, not by who asked first: a dry run must not move what is kept. Each slot at its own time, so that no pick has all to do.
    const turn = slot % MOMENT_MS;
    const now = Math.floor((at - turn) / MOMENT_MS) * MOMENT_MS + turn;
    this.#until[slot] = now + MOMENT_MS;
    const latency = this.#latency;
    const own = this.#inFlight.count[slot]!;
    const queued = own / weights.carried[slot]!;
    let share = this.#starts.relative(slot, among) / weights.due[slot]!;
    let cost: number;
    if (latency.isUnknown(slot)) cost = this.#untried(slot, own) * power(1 + OWN_REQUEST * queued);
    else {
      cost = latency.expected(slot, now);
      if (this.#reports.isFresh(slot, now)) {
        const service = latency.service(slot);
        const load = 1 + this.#reports.inFlight(slot, now) + OWN_REQUEST_REPORTED * queued;
        share *= service / latency.clusterServiceMs;
        cost = service * power(load) + MEASURED_PART * cost;
      } else cost *= power(1 + OWN_REQUEST * queued);
    }
    cost *= 1 + (FAIRNESS * (share - 1)) / (1 + Math.abs(share - 1));
    if (own > 0) {
      const age = now - this.#inFlight.oldestStart(slot);
      // False for NaN: all were answered.
      if (age > OVERDUE_ANSWERS * latency.clusterMs) cost = Math.max(cost, age * (own + 1));
    }
    // Beside its weight, which acts only on its queue and on its part of the starts: an endpoint that turns requests away has no queue.
    this.cost[slot] = this.#weights.isSpared(slot, now) ? cost / SPARED_PART : cost;
    if (this.#failures.hasFailed(slot) || this.#reports.hasFailed(slot)) this.#addFailures(slot, now);
  }

  /** What the first answer is expected to take where nobody knows. */
  #untried(slot: Slot, own: number): number {
    const grown = this.#weights.grown[slot]!;
    const curious = own === 0 && (grown === 1 || grown > this.#caution[slot]!);
    return this.#latency.clusterMs * (curious ? CURIOSITY : LAST_RESORT / grown);
  }

  /** What failing costs. Only ever raises: failing fast must not attract. */
  #addFailures(slot: Slot, now: number): void {
    const failures = this.#failures;
    const everybody = failures.clusterRate;
    const inARow = failures.consecutive[slot]!;
    if (inARow > 0) {
      const faded = Math.exp((failures.lastFailureAt[slot]! - now) / SUSPICION_FADES_MS);
      this.cost[slot]! *= 1 + SUSPICION * inARow * faded * (1 - Math.min(1, everybody / EVERYBODY_FAILS));
    }
    const worst = Math.max(this.#reports.errorRate(slot, now), failures.rate(slot, now));
    const rate = Math.min(MOST_CERTAIN_FAILURE, worst);
    if (rate > FAILURE_NOISE + 2 * everybody)
      this.cost[slot]! += (rate / (1 - rate)) * RETRY_COST * this.#latency.clusterMs;
  }
}

/** Load to the power of 1.5: 1 reacts too little with few callers, 2 and more too much with many. */
function power(load: number): number {
  return load * Math.sqrt(load);
}
