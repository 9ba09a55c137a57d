import type { Slot } from "../../balancing/balancer.ts";
import { isFailure, type Outcome } from "../../balancing/outcome.ts";
import { Peer } from "./peer.ts";
import { drawWeighted } from "./weighted-draw.ts";

const INTERVAL_MS = 5_000;
const UNHEALTHY_LATENCY = 1.3;
const HEALTHY_LATENCY = 1.2;
const HIGH_ERROR_RATE = 0.2;
const LOW_ERROR_RATE = 0.05;
const LEAST_CALLS = 5;
const STEP_DOWN = 0.2;
const STEP_UP = 0.05;
const TRICKLE = 0.01;

/**
 * Rest.li D2's relative strategy: every 5 s an endpoint whose latency stands out from the cluster's mean loses a fifth of its
 * weight, one that does not wins a twentieth back. Error thresholds and least calls are set as a careful operator would: the
 * defaults ignore errors.
 */
export class D2Relative extends Peer {
  #scores: number[] = [];
  #calls: number[] = [];
  #failures: number[] = [];
  #latencySums: number[] = [];
  #dueAt = 0;

  protected grow(slots: number): void {
    while (this.#scores.length < slots) {
      this.#scores.push(1);
      this.#calls.push(0);
      this.#failures.push(0);
      this.#latencySums.push(0);
    }
  }

  protected choose(candidates: readonly Slot[]): Slot {
    return drawWeighted(candidates, this.#scores, this.sources.random());
  }

  protected override onAnswer(slot: Slot, latencyMs: number, outcome: Outcome): void {
    this.#calls[slot]!++;
    this.#latencySums[slot]! += latencyMs;
    if (isFailure(outcome)) this.#failures[slot]!++;
  }

  override tick(): number {
    const now = this.sources.clock.now();
    if (this.#dueAt === 0) this.#dueAt = now + INTERVAL_MS * this.sources.random();
    else if (now >= this.#dueAt) {
      this.#dueAt += INTERVAL_MS;
      this.#update(now);
    }
    return Math.max(1, this.#dueAt - now);
  }

  #update(now: number): void {
    const counted = this.#calls.slice();
    const sums = this.#latencySums.slice();
    for (const { slot, startedAt } of this.open.values()) {
      counted[slot]!++;
      sums[slot]! += now - startedAt;
    }
    const mean = sum(sums) / Math.max(1, sum(counted));
    for (const slot of this.members) {
      const score = this.#scores[slot]!;
      const calls = counted[slot]!;
      const enough = calls >= Math.max(1, Math.round(score * LEAST_CALLS));
      const latency = sums[slot]! / Math.max(1, calls);
      const errors = this.#failures[slot]! / Math.max(1, this.#calls[slot]!);
      if (enough && (latency >= UNHEALTHY_LATENCY * mean || errors >= HIGH_ERROR_RATE))
        this.#scores[slot] = Math.max(TRICKLE, score - STEP_DOWN);
      else if (enough && latency <= HEALTHY_LATENCY * mean && errors <= LOW_ERROR_RATE)
        this.#scores[slot] = Math.min(1, score + STEP_UP);
      this.#calls[slot] = 0;
      this.#failures[slot] = 0;
      this.#latencySums[slot] = 0;
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
