import { quantile, shareOf } from "../../sidecar/simulate/measure.ts";
import type { Recording } from "../../sidecar/simulate/recording.ts";
import { endpointGroups } from "../../sidecar/simulate/series.ts";

/** What is compared: one number of a run. */
export interface Figure {
  readonly phase: string;
  readonly name: string;
  readonly value: number;
}

export interface Comparison {
  readonly phase: string;
  readonly name: string;
  /** Medians over the runs. */
  readonly simulated: number;
  readonly measured: number;
  /** (measured - simulated) / simulated, in percent. */
  readonly differencePercent: number;
}

/** A simulated run and a real one of the same requests. */
export interface Pair {
  readonly simulated: Recording;
  readonly measured: Recording;
  /** Requests that began then are left out of the latencies of both: the machine got in the way of the real run. */
  readonly isSpoilt: (startedAt: number) => boolean;
}

/** Latencies in ms, shares in percent of all tries, failures as counts. */
function figuresOf(recording: Recording, isSpoilt: Pair["isSpoilt"]): Figure[] {
  const { scenario, tries, failedTries } = recording;
  const figures: Figure[] = [];
  for (const { name: phase, fromMs, toMs } of scenario.phases) {
    const latencies = latenciesIn(recording, fromMs, toMs, isSpoilt);
    figures.push({ phase, name: "p50 ms", value: quantile(latencies, 0.5) });
    figures.push({ phase, name: "p99 ms", value: quantile(latencies, 0.99) });
    for (const { label, endpoints } of endpointGroups(recording)) {
      figures.push({
        phase,
        name: `share % ${label}`,
        value: 100 * shareOf(recording, fromMs, toMs, endpoints),
      });
    }
  }
  const failed = recording.latency.subarray(0, recording.requests).filter(Number.isNaN).length;
  figures.push({ phase: "whole run", name: "tries", value: sum(tries) });
  figures.push({ phase: "whole run", name: "failed tries", value: sum(failedTries) });
  figures.push({ phase: "whole run", name: "failed requests", value: failed });
  return figures;
}

/** Pairs of one scenario. */
export function compare(pairs: readonly Pair[]): Comparison[] {
  const left = pairs.map(({ simulated, isSpoilt }) => figuresOf(simulated, isSpoilt));
  const right = pairs.map(({ measured, isSpoilt }) => figuresOf(measured, isSpoilt));
  return (left[0] ?? []).map(({ phase, name }, index) => {
    const expected = median(left.map((figures) => figures[index]!.value));
    const found = median(right.map((figures) => figures[index]!.value));
    const differencePercent = expected === found ? 0 : (100 * (found - expected)) / expected;
    return { phase, name, simulated: expected, measured: found, differencePercent };
  });
}

/** Part of a run's requests that is left out, 0..1. */
export function spoiltPart({ startedAt, requests }: Recording, isSpoilt: Pair["isSpoilt"]): number {
  return startedAt.subarray(0, requests).filter(isSpoilt).length / Math.max(1, requests);
}

function latenciesIn(
  { startedAt, latency, requests }: Recording,
  fromMs: number,
  toMs: number,
  isSpoilt: Pair["isSpoilt"],
): Float64Array {
  return latency
    .subarray(0, requests)
    .filter((ms, i) => {
      const at = startedAt[i]!;
      return at >= fromMs && at < toMs && !Number.isNaN(ms) && !isSpoilt(at);
    })
    .sort();
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function sum(values: Int32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
