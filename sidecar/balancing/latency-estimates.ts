import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import { FadingMean } from "./fading-mean.ts";

/** Before any answer an endpoint is believed to take this long, ms. */
const FIRST_GUESS_MS = 30;
/** The cluster's means look back over about this many answers. */
const CLUSTER_ANSWERS = 200;
/** Bounds of a sample, ms, so that no clock fault can make a number useless. */
const SHORTEST_MS = 0.01;
const LONGEST_MS = 3_600_000;
/** Time constants of the three means, in units of the decay time: what the queue is now, and what the machine is. */
const RECENT_DECAYS = 0.2;
const USUAL_DECAYS = 1;
const SERVICE_DECAYS = 2;
/** The cluster's mean counts as so many answers of each endpoint. */
const USUAL_PRIOR = 1;
const SERVICE_PRIOR = 0.3;

/**
 * How long each endpoint takes to answer. Recent answers tell of its queue, but a queue is gone in seconds: as they fade, the
 * expectation returns to the endpoint's usual latency. That one does not fade while nothing is heard, so that one pause
 * is soon forgotten and a slow machine is not. Where backends report their load, `service` is the latency with the queue
 * taken out, which tells fast machines from idle ones.
 */
export class LatencyEstimates implements Columns {
  clusterMs = FIRST_GUESS_MS;
  /** The cluster's mean of latency with the queue taken out. */
  clusterServiceMs = FIRST_GUESS_MS;
  /** What was expected right after the last answer, for people; NaN before the first. */
  recentMs = new Float64Array(0);
  readonly #recent = new FadingMean();
  readonly #usual = new FadingMean();
  readonly #service = new FadingMean();
  #clusterAnswers = 0;
  #clusterServiceAnswers = 0;

  /** How fast answers grow old, ms; what was learned before stays, and fades at the new rate. */
  set decayMs(ms: number) {
    this.#recent.fadesMs = RECENT_DECAYS * ms;
    this.#usual.fadesMs = USUAL_DECAYS * ms;
    this.#service.fadesMs = SERVICE_DECAYS * ms;
  }

  grow(capacity: number): void {
    this.recentMs = grownFloats(this.recentMs, capacity);
    for (const mean of [this.#recent, this.#usual, this.#service]) mean.grow(capacity);
  }

  clear(slot: Slot): void {
    this.recentMs[slot] = Number.NaN;
    for (const mean of [this.#recent, this.#usual, this.#service]) mean.clear(slot);
  }

  /** `queued`: how much longer a request takes at the endpoint than at an idle one, by its report, >= 1; NaN: not reported. */
  onAnswer(slot: Slot, latencyMs: number, queued: number, now: number): void {
    const sample = Math.min(Math.max(latencyMs, SHORTEST_MS), LONGEST_MS);
    this.#clusterAnswers = Math.min(CLUSTER_ANSWERS, this.#clusterAnswers + 1);
    this.clusterMs += (sample - this.clusterMs) / this.#clusterAnswers;
    this.#take(slot, sample, now);
    if (!(queued >= 1)) return;
    const service = sample / queued;
    this.#clusterServiceAnswers = Math.min(CLUSTER_ANSWERS, this.#clusterServiceAnswers + 1);
    this.clusterServiceMs += (service - this.clusterServiceMs) / this.#clusterServiceAnswers;
    this.#service.add(slot, service, now);
  }

  /** The attempt ended without an answer after `elapsedMs`: the answer would have taken at least that. It can only raise. */
  onCensored(slot: Slot, elapsedMs: number, now: number): void {
    const sample = Math.min(elapsedMs, LONGEST_MS);
    if (sample > this.expected(slot, now)) this.#take(slot, sample, now);
  }

  /** The endpoint answers again after failures: the waits before tell nothing of it now. */
  forgive(slot: Slot): void {
    this.#recent.cap(slot, this.clusterMs);
    this.#usual.cap(slot, this.clusterMs);
  }

  /** Nobody knows yet how long it takes. */
  isUnknown(slot: Slot): boolean {
    return this.#usual.isEmpty(slot);
  }

  /** What the next answer is expected to take, ms. Always positive and finite; the cluster's mean before the first answer. */
  expected(slot: Slot, now: number): number {
    const usual = this.#usual.blend(slot, 1, this.clusterMs, USUAL_PRIOR);
    return this.#recent.blend(slot, this.#recent.keep(slot, now), usual, 1);
  }

  /** Latency with the queue taken out, ms; the cluster's before the first report. */
  service(slot: Slot): number {
    return this.#service.blend(slot, 1, this.clusterServiceMs, SERVICE_PRIOR);
  }

  #take(slot: Slot, sample: number, now: number): void {
    this.#recent.add(slot, sample, now);
    this.#usual.add(slot, sample, now);
    this.recentMs[slot] = this.expected(slot, now);
  }
}
