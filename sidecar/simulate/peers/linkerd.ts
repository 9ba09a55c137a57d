import type { Slot } from "../../balancing/balancer.ts";
import { isFailure, type Outcome } from "../../balancing/outcome.ts";
import { Peer } from "./peer.ts";

const DEFAULT_RTT_MS = 30;
const DECAY_MS = 10_000;
/** A failure counts as an answer that took this long. */
const FAILURE_PENALTY_MS = 5_000;
const FAILURES_TO_SHUT = 7;
const SHORTEST_SHUT_MS = 1_000;
const LONGEST_SHUT_MS = 60_000;
const SHUT_JITTER = 0.5;

/** Linkerd's balancer with everything on: Peak EWMA, the better of two, failure penalty, and breakers with probation. */
export class Linkerd extends Peer {
  #rtt: number[] = [];
  #at: number[] = [];
  #inARow: number[] = [];
  #shuts: number[] = [];
  /** The breaker is shut until then; NaN: open. */
  #shutUntil: number[] = [];

  protected grow(slots: number): void {
    while (this.#rtt.length < slots) {
      this.#rtt.push(DEFAULT_RTT_MS);
      this.#at.push(0);
      this.#inARow.push(0);
      this.#shuts.push(0);
      this.#shutUntil.push(Number.NaN);
    }
  }

  protected choose(candidates: readonly Slot[], now: number): Slot {
    const ready = candidates.filter((slot) => this.#isReady(slot, now));
    const from = ready.length > 0 ? ready : candidates;
    if (from.length === 1) return from[0]!;
    const first = Math.floor(this.sources.random() * from.length);
    let second = Math.floor(this.sources.random() * (from.length - 1));
    if (second >= first) second++;
    const a = from[first]!;
    const b = from[second]!;
    return this.#load(a, now) <= this.#load(b, now) ? a : b;
  }

  protected override onAnswer(slot: Slot, latencyMs: number, outcome: Outcome, now: number): void {
    const failed = isFailure(outcome);
    const decayed = this.#decayed(slot, now);
    const sample = failed ? Math.max(FAILURE_PENALTY_MS, decayed) : latencyMs;
    const kept = Math.exp((this.#at[slot]! - now) / DECAY_MS);
    this.#rtt[slot] = sample > this.#rtt[slot]! ? sample : this.#rtt[slot]! * kept + sample * (1 - kept);
    this.#at[slot] = now;
    if (!failed) {
      this.#inARow[slot] = 0;
      this.#shuts[slot] = 0;
      this.#shutUntil[slot] = Number.NaN;
      return;
    }
    const onProbation = !Number.isNaN(this.#shutUntil[slot]!);
    if (++this.#inARow[slot]! < FAILURES_TO_SHUT && !onProbation) return;
    const base = Math.min(LONGEST_SHUT_MS, SHORTEST_SHUT_MS * 2 ** this.#shuts[slot]!++);
    this.#shutUntil[slot] = now + base * (1 + SHUT_JITTER * this.sources.random());
  }

  /** On probation, after the breaker's time, one request at a time passes. */
  #isReady(slot: Slot, now: number): boolean {
    const until = this.#shutUntil[slot]!;
    return Number.isNaN(until) || (now >= until && this.inFlight[slot] === 0);
  }

  #load(slot: Slot, now: number): number {
    return this.#decayed(slot, now) * (this.inFlight[slot]! + 1);
  }

  #decayed(slot: Slot, now: number): number {
    return this.#rtt[slot]! * Math.exp((this.#at[slot]! - now) / DECAY_MS);
  }
}
