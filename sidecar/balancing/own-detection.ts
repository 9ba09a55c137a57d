import type { Random } from "../../xds/common/random.ts";
import type { Slot } from "./balancer.ts";
import type { Detection } from "./detection.ts";
import { type EndpointStates, STATE } from "./endpoint-states.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";
import type { LoadTable } from "./load-table.ts";
import { isFailure, OUTCOME, OUTCOME_NAMES, type Outcome } from "./outcome.ts";
import type { Roster } from "./roster.ts";

/** Failures in a row that eject. */
const CONSECUTIVE_FAILURES = 3;
/** A failure rate that ejects, with the attempts it must rest on and how far it must stand out from the median. */
const FAILURE_RATE = 0.5;
const FAILURE_RATE_ATTEMPTS = 10;
const STANDS_OUT = 3;
/** Two attempts that wait longer than this, and than ten usual answers, are a stall. */
const STALL_MS = 200;
const STALL_ANSWERS = 10;
/** First ejection, growth, longest, and the part of it that is drawn at random, so that sidecars do not return together. */
const EJECTION_MS = 2_000;
const EJECTION_GROWTH = 2;
const LONGEST_EJECTION_MS = 4_000;
const JITTER = 0.5;
/** An endpoint that was not ejected for so long starts anew with a short ejection, ms. */
const FORGIVEN_AFTER_MS = 30_000;
/** The median is computed anew at most this often, ms. */
const MEDIAN_AGE_MS = 200;
/** At most this part of the cluster, and never the last. */
const LARGEST_PART = 0.5;

/**
 * Ejection with low minimums, for clusters of 2 to 20 endpoints, where Envoy's defaults do nothing: judged against the
 * median of the others, because a mean and its deviation cannot see a fault that hits more than a fifth of the hosts.
 */
export class OwnDetection implements Detection {
  readonly #roster: Roster;
  readonly #states: EndpointStates;
  readonly #failures: FailureEstimates;
  readonly #latency: LatencyEstimates;
  readonly #inFlight: InFlight;
  readonly #random: Random;
  #median = 0;
  #medianAt = Number.NEGATIVE_INFINITY;
  #ignoreBefore = Number.NEGATIVE_INFINITY;

  constructor(table: LoadTable) {
    this.#roster = table.roster;
    this.#states = table.states;
    this.#failures = table.failures;
    this.#latency = table.latency;
    this.#inFlight = table.inFlight;
    this.#random = table.random;
  }

  grow(): void {}
  clear(): void {}

  /** Waiting that began before `now` is not counted as an endpoint's stall. */
  onStall(now: number): void {
    this.#ignoreBefore = now;
  }

  onEnd(slot: Slot, outcome: Outcome, now: number): void {
    const state = this.#states.state[slot]!;
    if (outcome === OUTCOME.success) {
      this.#states.setRefusing(slot, false);
      if (state === STATE.probation) this.#states.admit(slot, now, "its trial request was answered");
      else this.#states.clearSuspicion(slot);
      return;
    }
    if (!isFailure(outcome) || state === STATE.ejected) return;
    // One who asks for less is alive and is not ejected for it; but on probation it is not ready yet.
    if (outcome === OUTCOME.pushback && state !== STATE.probation) return;
    const name = OUTCOME_NAMES[outcome]!;
    if (state === STATE.probation) {
      this.#eject(slot, now, `its trial request ended in ${name}`);
      return;
    }
    if (outcome === OUTCOME.connectFailure) this.#states.setRefusing(slot, true);
    const consecutive = this.#failures.consecutive[slot]!;
    this.#states.suspect(slot, now, `an attempt ended in ${name}`);
    if (consecutive >= CONSECUTIVE_FAILURES && !this.#othersFail(slot)) {
      this.#eject(slot, now, `${consecutive} failures in a row, the last ${name}`);
      return;
    }
    const rate = this.#failures.rate(slot, now);
    if (rate <= FAILURE_RATE || this.#failures.attempts(slot, now) < FAILURE_RATE_ATTEMPTS) return;
    if (rate > STANDS_OUT * this.#medianRate(now)) {
      const percent = (rate * 100).toFixed(0);
      this.#eject(
        slot,
        now,
        `${percent} % of attempts fail, the median is ${(this.#median * 100).toFixed(0)} %`,
      );
    }
  }

  tick(now: number): void {
    if (this.#inFlight.total === 0) return;
    const { members, count } = this.#roster;
    const limit = Math.max(STALL_MS, STALL_ANSWERS * this.#latency.clusterMs);
    let waiting = 0;
    for (let i = 0; i < count; i++) if (this.#waited(members[i]!, now) > limit) waiting++;
    // When half of the cluster waits as long, it is not these endpoints.
    if (waiting === 0 || waiting * 2 > count) return;
    for (let i = 0; i < count; i++) {
      const slot = members[i]!;
      if (!(this.#waited(slot, now) > limit) || this.#states.isOut(slot)) continue;
      if (this.#failures.lastSuccessAt[slot]! > this.#inFlight.secondOldestStart(slot)) continue;
      this.#eject(
        slot,
        now,
        `two attempts wait longer than ${limit.toFixed(0)} ms and none was answered since`,
      );
    }
  }

  /** How long at least two attempts have waited, ms; NaN when fewer wait. */
  #waited(slot: Slot, now: number): number {
    if (this.#inFlight.count[slot]! < 2) return Number.NaN;
    return now - Math.max(this.#inFlight.secondOldestStart(slot), this.#ignoreBefore);
  }

  #eject(slot: Slot, now: number, reason: string): void {
    const states = this.#states;
    const count = this.#roster.count;
    const again = states.isOut(slot);
    const out = again ? states.out : states.out + 1;
    if (!again && (out >= count || out > Math.max(1, Math.floor(count * LARGEST_PART)))) return;
    if (this.#roster.endpoint(slot) === undefined) return;
    if (now - states.ejectedUntil[slot]! > FORGIVEN_AFTER_MS) states.ejections[slot] = 0;
    const growth = EJECTION_GROWTH ** Math.min(10, states.ejections[slot]!);
    const duration = Math.min(LONGEST_EJECTION_MS, EJECTION_MS * growth) * (1 - JITTER * this.#random());
    states.eject(slot, now, duration, reason);
  }

  /** Whether the last attempt failed at most of the others, too: then it is not this endpoint's fault. */
  #othersFail(slot: Slot): boolean {
    const { members, count } = this.#roster;
    let failing = 0;
    for (let i = 0; i < count; i++) {
      if (members[i] !== slot && this.#failures.consecutive[members[i]!]! > 0) failing++;
    }
    return failing * 2 > count - 1;
  }

  /** Lower median of the failure rates: with two endpoints the better one. */
  #medianRate(now: number): number {
    if (now - this.#medianAt < MEDIAN_AGE_MS) return this.#median;
    const rates = new Float64Array(this.#roster.count);
    for (let i = 0; i < rates.length; i++) rates[i] = this.#failures.rate(this.#roster.members[i]!, now);
    rates.sort();
    this.#median = rates[(rates.length - 1) >> 1] ?? 0;
    this.#medianAt = now;
    return this.#median;
  }
}
