import { latenciesIn, quantile } from "./latencies.ts";
import { BIN_MS, type Recording } from "./recording.ts";
import { watchedFault } from "./scenario.ts";
import { countTries, shareOf } from "./shares.ts";

/** How the policy met the fault that the scenario is about. Times in s; Infinity, which JSON writes as null: never. */
export interface FaultResult {
  readonly fromMs: number;
  readonly toMs: number;
  readonly failedTries: number;
  readonly failedRequests: number;
  /** Part of all tries that went to the faulty endpoints, 0..1, over the whole fault and over its last half. */
  readonly share: number;
  readonly steadyShare: number;
  /** From when on, for a second, the share is below 1 % (or 2 %). */
  readonly below1: number;
  readonly below2: number;
  /** From when on the share stays near its final mean: within a fifth of it or half a percent of all tries. */
  readonly settled: number;
  /** How far the share undercuts its final mean on the way, as part of the fair share. */
  readonly overshoot: number;
  /** After repair: from when on, for a second, the share is 80 % of fair. */
  readonly back: number;
  /** Variation of the healthy endpoints' shares beyond chance, in bins of 300 ms, over the last half of the fault. */
  readonly excessVariation: number;
  /** p99 of the 15 s before, of the fault, and of all that comes after. */
  readonly p99: { readonly before: number; readonly during: number; readonly after: number };
}

/** Window in which a share is taken, in bins: 1 s. */
const WINDOW = 1_000 / BIN_MS;
/** Window for settling: 3 s, because a small share needs counts. */
const LONG_WINDOW = 3_000 / BIN_MS;
const VARIATION_BINS = 3;
const BEFORE_MS = 15_000;

/** Undefined where the scenario has no fault to watch. */
export function measureFault(recording: Recording): FaultResult | undefined {
  const { scenario } = recording;
  const fault = watchedFault(scenario);
  if (!fault) return undefined;
  const { fromMs, toMs, endpoints } = fault;
  const middle = (fromMs + toMs) / 2;
  const fair = endpoints.length / scenario.endpoints.length;
  const all = scenario.endpoints.map((_, endpoint) => endpoint);
  const steadyShare = shareOf(recording, middle, toMs, endpoints);
  const inFault = latenciesIn(recording, fromMs, toMs);
  const { settled, overshoot } = settling(recording, fromMs, toMs, endpoints, steadyShare, fair);
  return {
    fromMs,
    toMs,
    failedTries: countTries(recording, fromMs - scenario.timeoutMs, toMs, all).failed,
    failedRequests: inFault.requests - inFault.latencies.length,
    share: shareOf(recording, fromMs, toMs, endpoints),
    steadyShare,
    below1: firstWindow(recording, fromMs, toMs, endpoints, (share) => share < 0.01),
    below2: firstWindow(recording, fromMs, toMs, endpoints, (share) => share < 0.02),
    settled,
    overshoot,
    back: firstWindow(recording, toMs, scenario.durationMs, endpoints, (share) => share >= 0.8 * fair),
    excessVariation: excessVariation(recording, middle, toMs, endpoints),
    p99: {
      before: quantile(latenciesIn(recording, fromMs - BEFORE_MS, fromMs).latencies, 0.99),
      during: quantile(inFault.latencies, 0.99),
      after: quantile(latenciesIn(recording, toMs, scenario.durationMs).latencies, 0.99),
    },
  };
}

function firstWindow(
  recording: Recording,
  fromMs: number,
  toMs: number,
  endpoints: readonly number[],
  holds: (share: number) => boolean,
): number {
  const span = WINDOW * BIN_MS;
  for (let at = fromMs; at + span <= toMs; at += BIN_MS) {
    if (holds(shareOf(recording, at, at + span, endpoints))) return (at - fromMs) / 1_000;
  }
  return Number.POSITIVE_INFINITY;
}

function settling(
  recording: Recording,
  fromMs: number,
  toMs: number,
  endpoints: readonly number[],
  final: number,
  fair: number,
): { settled: number; overshoot: number } {
  const span = LONG_WINDOW * BIN_MS;
  const tolerance = Math.max(0.2 * final, 0.005);
  let settled = 0;
  let lowest = final;
  for (let at = fromMs; at + span <= toMs; at += BIN_MS) {
    const share = shareOf(recording, at, at + span, endpoints);
    if (Math.abs(share - final) > tolerance) settled = (at + BIN_MS - fromMs) / 1_000;
    lowest = Math.min(lowest, share);
  }
  return { settled, overshoot: (final - lowest) / fair };
}

/** Coefficient of variation without the part that independent arrivals have by themselves (Poisson: variance = mean). */
function excessVariation(
  recording: Recording,
  fromMs: number,
  toMs: number,
  faulty: readonly number[],
): number {
  const width = recording.scenario.endpoints.length;
  const first = Math.round(fromMs / BIN_MS);
  const last = Math.round(toMs / BIN_MS);
  let total = 0;
  let counted = 0;
  for (let endpoint = 0; endpoint < width; endpoint++) {
    if (faulty.includes(endpoint)) continue;
    const counts: number[] = [];
    for (let bin = first; bin + VARIATION_BINS <= last; bin += VARIATION_BINS) {
      let count = 0;
      for (let i = 0; i < VARIATION_BINS; i++) count += recording.tries[(bin + i) * width + endpoint]!;
      counts.push(count);
    }
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    if (!(mean > 0)) continue;
    const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
    total += Math.sqrt(Math.max(0, variance / (mean * mean) - 1 / mean));
    counted++;
  }
  return counted === 0 ? 0 : total / counted;
}
