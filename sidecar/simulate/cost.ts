import type { Random } from "../../xds/common/random.ts";

/** How much work a request is, in ms on one core of a server at speed 1. */
export type Cost =
  | { readonly kind: "exponential"; readonly meanMs: number }
  /** `cv`: standard deviation over mean. */
  | { readonly kind: "lognormal"; readonly meanMs: number; readonly cv: number }
  /** Most requests are short, a part of them long; each of exactly that cost. */
  | { readonly kind: "bimodal"; readonly shortMs: number; readonly longMs: number; readonly longPart: number }
  /** Normal, cut at 0. */
  | { readonly kind: "normal"; readonly meanMs: number; readonly deviationMs: number };

export function meanCost(cost: Cost): number {
  if (cost.kind === "bimodal") return cost.shortMs * (1 - cost.longPart) + cost.longMs * cost.longPart;
  if (cost.kind !== "normal") return cost.meanMs;
  const z = cost.meanMs / cost.deviationMs;
  return cost.meanMs * normalBelow(z) + (cost.deviationMs * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

export function drawCost(cost: Cost, random: Random): number {
  switch (cost.kind) {
    case "exponential":
      return exponential(cost.meanMs, random);
    case "lognormal": {
      const variance = Math.log(1 + cost.cv * cost.cv);
      return cost.meanMs * Math.exp(Math.sqrt(variance) * gaussian(random) - variance / 2);
    }
    case "bimodal":
      return random() < cost.longPart ? cost.longMs : cost.shortMs;
    case "normal":
      return Math.max(0, cost.meanMs + cost.deviationMs * gaussian(random));
  }
}

export function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random());
}

/** Box and Muller 1958; the second of the pair is thrown away to keep draws per request constant. */
function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The normal distribution function: Abramowitz and Stegun 26.2.17, error below 1e-7. */
function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (series * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
  return z >= 0 ? 1 - tail : tail;
}
