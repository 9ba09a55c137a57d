import type { Slot } from "../../balancing/balancer.ts";
import { Peer } from "./peer.ts";
import { drawWeighted } from "./weighted-draw.ts";

const INTERVAL_MS = 1_000;

/** Weight = 1 / mean latency of the last second, without any damping: how feedback routing goes wrong. */
export class InverseLatency extends Peer {
  #weights: number[] = [];
  #calls: number[] = [];
  #latencySums: number[] = [];
  #dueAt = INTERVAL_MS;

  protected grow(slots: number): void {
    while (this.#weights.length < slots) {
      this.#weights.push(0.1);
      this.#calls.push(0);
      this.#latencySums.push(0);
    }
  }

  protected choose(candidates: readonly Slot[]): Slot {
    return drawWeighted(candidates, this.#weights, this.sources.random());
  }

  protected override onAnswer(slot: Slot, latencyMs: number): void {
    this.#calls[slot]!++;
    this.#latencySums[slot]! += latencyMs;
  }

  override tick(): number {
    const now = this.sources.clock.now();
    if (now >= this.#dueAt) {
      this.#dueAt = now + INTERVAL_MS;
      for (const slot of this.members) {
        if (this.#calls[slot]! > 0)
          this.#weights[slot] = this.#calls[slot]! / Math.max(1e-3, this.#latencySums[slot]!);
        this.#calls[slot] = 0;
        this.#latencySums[slot] = 0;
      }
    }
    return this.#dueAt - now;
  }
}
