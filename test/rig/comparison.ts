import { quantile } from "../../sidecar/simulate/latencies.ts";
import type { Recording } from "../../sidecar/simulate/recording.ts";
import { endpointGroups } from "../../sidecar/simulate/series.ts";
import { shareOf } from "../../sidecar/simulate/shares.ts";

/** One number of a run. */
export interface Figure {
  readonly phase: string;
  readonly name: string;
  readonly value: number;
}

/** A real run, and what simulated runs of the same requests come to on average. */
export interface Pair {
  readonly simulated: readonly Figure[];
  readonly measured: readonly Figure[];
}

export interface Comparison {
  readonly phase: string;
  readonly name: string;
  /** Means over the pairs. */
  readonly simulated: number;
  readonly measured: number;
  /** How far the measured mean lies above the simulated, in percent of that, and how far from there the truth may lie by chance. */
  readonly differencePercent: number;
  /** Half of the 95 % confidence interval, from how the pairs differ among themselves. NaN: of one pair nothing can be said. */
  readonly uncertaintyPercent: number;
}

/** Requests that the machine got in the way of, by when they began: they are left out of the latencies on both sides. */
export type IsSpoilt = (startedAt: number) => boolean;

/** Student's t for 95 %, by pairs less one; more pairs count as the last. */
const T95 = [Number.NaN, 12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14];

/** Latencies in ms, shares in percent of all tries, failures as counts. */
export function figuresOf(recording: Recording, isSpoilt: IsSpoilt): Figure[] {
  const { scenario, tries, failedTries } = recording;
  const figures: Figure[] = [];
  for (const { name: phase, fromMs, toMs } of scenario.phases) {
    const latencies = latenciesIn(recording, fromMs, toMs, isSpoilt);
    figures.push({ phase, name: "p50 ms", value: quantile(latencies, 0.5) });
    figures.push({ phase, name: "p99 ms", value: quantile(latencies, 0.99) });
    for (const { label, endpoints } of endpointGroups(recording)) {
      const value = 100 * shareOf(recording, fromMs, toMs, endpoints);
      figures.push({ phase, name: `share % ${label}`, value });
    }
  }
  const failed = recording.latency.subarray(0, recording.requests).filter(Number.isNaN).length;
  figures.push({ phase: "whole run", name: "tries", value: sum(tries) });
  figures.push({ phase: "whole run", name: "failed tries", value: sum(failedTries) });
  figures.push({ phase: "whole run", name: "failed requests", value: failed });
  return figures;
}

/** Figures of several runs, averaged. */
export function averaged(runs: readonly (readonly Figure[])[]): Figure[] {
  return (runs[0] ?? []).map((figure, index) => ({
    ...figure,
    value: mean(runs.map((figures) => figures[index]!.value)),
  }));
}

/** Pairs of one scenario. */
export function compare(pairs: readonly Pair[]): Comparison[] {
  return (pairs[0]?.measured ?? []).map(({ phase, name }, index) => {
    const simulated = mean(pairs.map((pair) => pair.simulated[index]!.value));
    const measured = mean(pairs.map((pair) => pair.measured[index]!.value));
    const differences = pairs.map((pair) => pair.measured[index]!.value - pair.simulated[index]!.value);
    const percent = (value: number): number => (value === 0 ? 0 : (100 * value) / simulated);
    return {
      phase,
      name,
      simulated,
      measured,
      differencePercent: percent(mean(differences)),
      uncertaintyPercent: percent(uncertainty(differences)),
    };
  });
}

/** Part of a run's requests that is left out, 0..1. */
export function spoiltPart({ startedAt, requests }: Recording, isSpoilt: IsSpoilt): number {
  return startedAt.subarray(0, requests).filter(isSpoilt).length / Math.max(1, requests);
}

function latenciesIn(
  { startedAt, latency, requests }: Recording,
  fromMs: number,
  toMs: number,
  isSpoilt: IsSpoilt,
): Float64Array {
  return latency
    .subarray(0, requests)
    .filter((ms, i) => {
      const at = startedAt[i]!;
      return at >= fromMs && at < toMs && !Number.isNaN(ms) && !isSpoilt(at);
    })
    .sort();
}

function uncertainty(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((total, value) => total + (value - centre) ** 2, 0);
  const t = T95[Math.min(values.length, T95.length) - 1]!;
  return (t * Math.sqrt(squares / (values.length - 1))) / Math.sqrt(values.length);
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function sum(values: Int32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
