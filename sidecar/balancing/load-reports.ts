import type { LoadReport, Slot } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";

/**
 * A queue shorter than the mean does not stay short, because everybody who hears of it sends there: the report ages toward
 * the mean of all reports with this time constant, ms. A long queue is believed until a newer report says otherwise.
 */
const AGEING_MS = 500;
/** Reports older than this are not used, ms. */
const EXPIRY_MS = 60_000;
/** The mean looks back over about this many reports. */
const CLUSTER_REPORTS = 200;
/** A reported failure rate is forgotten with this time constant, ms. */
const ERRORS_FADE_MS = 5_000;
/** An endpoint that gave so many answers without a report does not report. */
const SILENT_ANSWERS = 3;
/** Beyond this a number of requests is a mistake. */
const MOST_IN_FLIGHT = 1e6;

/**
 * What backends last said of their load: requests in flight from everybody, and cores that work on them. Scores with and without reports are
 * not of one scale, so reports count only where everybody who answers sends them: during a roll-out none does until the last has it.
 */
export class LoadReports implements Columns {
  cores = new Float64Array(0);
  /** Time of the last report of any kind; -Infinity before the first. */
  at = new Float64Array(0);
  #errorRate = new Float64Array(0);
  #inFlight = new Float64Array(0);
  #inFlightAt = new Float64Array(0);
  /** Answers in a row without a fresh report, up to `SILENT_ANSWERS`. */
  #unreported = new Int32Array(0);
  /** Endpoints that answer and do not report. */
  #silent = 0;
  #mean = 0;
  #count = 0;

  grow(capacity: number): void {
    this.cores = grownFloats(this.cores, capacity);
    this.at = grownFloats(this.at, capacity);
    this.#errorRate = grownFloats(this.#errorRate, capacity);
    this.#inFlight = grownFloats(this.#inFlight, capacity);
    this.#inFlightAt = grownFloats(this.#inFlightAt, capacity);
    this.#unreported = grownIntegers(this.#unreported, capacity);
  }

  clear(slot: Slot): void {
    this.cores[slot] = 1;
    this.at[slot] = Number.NEGATIVE_INFINITY;
    this.#errorRate[slot] = 0;
    this.#inFlight[slot] = Number.NaN;
    this.#inFlightAt[slot] = Number.NEGATIVE_INFINITY;
    this.#hear(slot);
  }

  /** The endpoint has given an answer, whose report, if it had one, was taken before. */
  onAnswer(slot: Slot, now: number): void {
    if (this.#isRecent(slot, now) || this.#unreported[slot] === SILENT_ANSWERS) return;
    if (++this.#unreported[slot]! === SILENT_ANSWERS) this.#silent++;
  }

  #hear(slot: Slot): void {
    if (this.#unreported[slot] === SILENT_ANSWERS) this.#silent--;
    this.#unreported[slot] = 0;
  }

  take(slot: Slot, report: LoadReport, now: number): void {
    this.at[slot] = now;
    if (report.cores > 0 && Number.isFinite(report.cores)) this.cores[slot] = report.cores;
    this.#errorRate[slot] = report.eps > 0 && report.rps > 0 ? Math.min(1, report.eps / report.rps) : 0;
    if (!(report.rif >= 0 && report.rif <= MOST_IN_FLIGHT)) return;
    this.#inFlight[slot] = report.rif;
    this.#inFlightAt[slot] = now;
    this.#hear(slot);
    this.#count = Math.min(CLUSTER_REPORTS, this.#count + 1);
    this.#mean += (report.rif - this.#mean) / this.#count;
  }

  /** Does its last report count? */
  isFresh(slot: Slot, now: number): boolean {
    return this.#count > 0 && this.#silent === 0 && this.#isRecent(slot, now);
  }

  #isRecent(slot: Slot, now: number): boolean {
    return now - this.#inFlightAt[slot]! < EXPIRY_MS;
  }

  /** Requests in flight at the endpoint, as far as its last report tells. Only while `isFresh`. */
  inFlight(slot: Slot, now: number): number {
    const reported = this.#inFlight[slot]!;
    if (reported >= this.#mean) return reported;
    return this.#mean + (reported - this.#mean) * Math.exp((this.#inFlightAt[slot]! - now) / AGEING_MS);
  }

  /** Whether it said that it fails. */
  hasFailed(slot: Slot): boolean {
    return this.#errorRate[slot]! > 0;
  }

  /** Part of its answers that the endpoint said were failures, 0..1, fading as the report grows old; 0: it says nothing of it. */
  errorRate(slot: Slot, now: number): number {
    return this.#errorRate[slot]! * Math.exp((this.at[slot]! - now) / ERRORS_FADE_MS);
  }

  /** How much longer a request takes there than at an idle endpoint, >= 1; NaN without a fresh report. */
  queued(slot: Slot, now: number): number {
    if (!this.isFresh(slot, now)) return Number.NaN;
    return Math.max(1, (this.#inFlight[slot]! + 1) / this.cores[slot]!);
  }
}
