import type { Slot } from "../../balancing/balancer.ts";

/** One of the candidates, each as often as its weight says. */
export function drawWeighted(candidates: readonly Slot[], weights: readonly number[], draw: number): Slot {
  let total = 0;
  for (const slot of candidates) total += weights[slot]!;
  let left = draw * total;
  for (const slot of candidates) {
    left -= weights[slot]!;
    if (left < 0) return slot;
  }
  return candidates.at(-1)!;
}
