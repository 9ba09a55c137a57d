import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** Before any answer an endpoint is believed to take this long, ms. */
const FIRST_GUESS_MS = 30;
/** The cluster's means look back over about this many answers. */
const CLUSTER_ANSWERS = 200;
/** Bounds of a sample, ms, so that no clock fault can make a number useless. */
const SHORTEST_MS = 0.01;
const LONGEST_MS = 3_600_000;
/** How far an answer moves the recent latency: the last two or three answers make most of it. */
const RECENT_GAIN = 0.4;
/** Answers that the first guess weighs as much as. */
const PRIOR_ANSWERS = 5;
/** Time constants of the slower means, in units of the decay time. */
const USUAL_DECAYS = 6;
const SERVICE_DECAYS = 2;
/**
 * An estimate that is not renewed ages toward what is usual with this many decay times, and with k^2 times as many, at most
 * 100, where the endpoint is usually k times slower than the cluster: one pause is soon forgotten, a slow machine is not.
 */
const AGEING_DECAYS = 4;
const SLOWEST_AGEING = 100;

/**
 * How long each endpoint takes to answer. `recent` follows the last few answers; `usual` is the long mean; and where
 * backends report their load, `service` is the latency with the queue taken out, which tells fast machines from idle ones.
 */
export class LatencyEstimates implements Columns {
  clusterMs = FIRST_GUESS_MS;
  /** NaN before the first answer. */
  recentMs = new Float64Array(0);
  answers = new Float64Array(0);
  #usualMs = new Float64Array(0);
  #serviceMs = new Float64Array(0);
  #serviceAnswers = new Float64Array(0);
  #at = new Float64Array(0);
  #clusterAnswers = 0;
  #clusterServiceMs = FIRST_GUESS_MS;
  #clusterServiceAnswers = 0;
  readonly #decayMs: number;

  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  grow(capacity: number): void {
    this.recentMs = grownFloats(this.recentMs, capacity);
    this.answers = grownFloats(this.answers, capacity);
    this.#usualMs = grownFloats(this.#usualMs, capacity);
    this.#serviceMs = grownFloats(this.#serviceMs, capacity);
    this.#serviceAnswers = grownFloats(this.#serviceAnswers, capacity);
    this.#at = grownFloats(this.#at, capacity);
  }

  clear(slot: Slot): void {
    this.recentMs[slot] = Number.NaN;
    this.answers[slot] = 0;
    this.#usualMs[slot] = Number.NaN;
    this.#serviceMs[slot] = Number.NaN;
    this.#serviceAnswers[slot] = 0;
    this.#at[slot] = 0;
  }

  /** `queued`: how much longer a request takes at the endpoint than at an idle one, by its report, >= 1; NaN: not reported. */
  onAnswer(slot: Slot, latencyMs: number, queued: number, now: number): void {
    const sample = Math.min(Math.max(latencyMs, SHORTEST_MS), LONGEST_MS);
    const passed = Math.max(0, now - this.#at[slot]!);
    this.#clusterAnswers = Math.min(CLUSTER_ANSWERS, this.#clusterAnswers + 1);
    this.clusterMs += (sample - this.clusterMs) / this.#clusterAnswers;
    this.#take(slot, sample, now);
    this.answers[slot]!++;
    if (queued >= 1) this.#takeService(slot, sample / queued, passed);
  }

  /** The attempt ended without an answer after `elapsedMs`: the answer would have taken at least that. It can only raise. */
  onCensored(slot: Slot, elapsedMs: number, now: number): void {
    const sample = Math.min(elapsedMs, LONGEST_MS);
    if (sample > this.expected(slot, now)) this.#take(slot, sample, now);
  }

  /** The endpoint answers again after failures: the waits before tell nothing of it now. */
  forgive(slot: Slot): void {
    if (Number.isNaN(this.recentMs[slot]!)) return;
    this.recentMs[slot] = Math.min(this.recentMs[slot]!, this.clusterMs);
    this.#usualMs[slot] = Math.min(this.#usualMs[slot]!, this.clusterMs);
  }

  /** What the next answer is expected to take, ms. Always positive and finite. */
  expected(slot: Slot, now: number): number {
    const recent = this.recentMs[slot]!;
    if (Number.isNaN(recent)) return this.clusterMs;
    const own = this.#usualMs[slot]!;
    const usual = (own + this.clusterMs) / 2;
    const slower = Math.max(1, own / this.clusterMs);
    const ageing = AGEING_DECAYS * this.#decayMs * Math.min(SLOWEST_AGEING, slower * slower);
    return usual + (recent - usual) * Math.exp(-Math.max(0, now - this.#at[slot]!) / ageing);
  }

  /** Latency with the queue taken out, ms; the cluster's before the first report. */
  service(slot: Slot): number {
    const service = this.#serviceMs[slot]!;
    return Number.isNaN(service) ? this.#clusterServiceMs : service;
  }

  #take(slot: Slot, sample: number, now: number): void {
    if (Number.isNaN(this.recentMs[slot]!)) {
      this.recentMs[slot] = sample;
      this.#usualMs[slot] = (this.clusterMs * PRIOR_ANSWERS + sample) / (PRIOR_ANSWERS + 1);
    } else {
      const expected = this.expected(slot, now);
      this.recentMs[slot] = expected + RECENT_GAIN * (sample - expected);
      const gain = this.#gain(this.answers[slot]!, now - this.#at[slot]!, USUAL_DECAYS);
      this.#usualMs[slot]! += gain * (sample - this.#usualMs[slot]!);
    }
    this.#at[slot] = now;
  }

  #takeService(slot: Slot, sample: number, passed: number): void {
    this.#clusterServiceAnswers = Math.min(CLUSTER_ANSWERS, this.#clusterServiceAnswers + 1);
    this.#clusterServiceMs += (sample - this.#clusterServiceMs) / this.#clusterServiceAnswers;
    const service = this.service(slot);
    const gain = this.#gain(
      this.#serviceAnswers[slot]!,
      Math.min(passed, SERVICE_DECAYS * this.#decayMs),
      SERVICE_DECAYS,
    );
    this.#serviceMs[slot] = service + gain * (sample - service);
    this.#serviceAnswers[slot]!++;
  }

  /** A plain mean of the first answers, then one that forgets with time. */
  #gain(answers: number, passed: number, decays: number): number {
    const forgetting = 1 - Math.exp(-Math.max(0, passed) / (decays * this.#decayMs));
    return Math.max(1 / (answers + 1 + PRIOR_ANSWERS), forgetting);
  }
}
