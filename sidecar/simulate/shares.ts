import { BIN_MS, type Recording } from "./recording.ts";

/** Tries to these endpoints that began in the span, and how many of them failed. */
export function countTries(
  recording: Recording,
  fromMs: number,
  toMs: number,
  endpoints: readonly number[],
): { tries: number; failed: number } {
  const width = recording.scenario.endpoints.length;
  const last = Math.min(recording.bins, Math.round(toMs / BIN_MS));
  let tries = 0;
  let failed = 0;
  for (let bin = Math.max(0, Math.round(fromMs / BIN_MS)); bin < last; bin++) {
    for (const endpoint of endpoints) {
      tries += recording.tries[bin * width + endpoint]!;
      failed += recording.failedTries[bin * width + endpoint]!;
    }
  }
  return { tries, failed };
}

/** Part of all tries of the span that went to these endpoints, 0..1. */
export function shareOf(
  recording: Recording,
  fromMs: number,
  toMs: number,
  endpoints: readonly number[],
): number {
  const all = recording.scenario.endpoints.map((_, endpoint) => endpoint);
  const total = countTries(recording, fromMs, toMs, all).tries;
  return total === 0 ? 0 : countTries(recording, fromMs, toMs, endpoints).tries / total;
}
