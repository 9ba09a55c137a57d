import type { Recording } from "./recording.ts";

/** Of requests that started in the span: the latencies of those that were answered, sorted, and how many there were. */
export function latenciesIn(
  recording: Recording,
  fromMs: number,
  toMs: number,
): { latencies: Float64Array; requests: number } {
  const latencies = new Float64Array(recording.requests);
  let answered = 0;
  let requests = 0;
  for (let i = 0; i < recording.requests; i++) {
    const at = recording.startedAt[i]!;
    if (at < fromMs || at >= toMs) continue;
    requests++;
    const latency = recording.latency[i]!;
    if (!Number.isNaN(latency)) latencies[answered++] = latency;
  }
  return { latencies: latencies.subarray(0, answered).sort(), requests };
}

/** Nearest rank; NaN of nothing. */
export function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
