import type { FaultResult } from "./fault-result.ts";
import type { PhaseResult, Result } from "./measure.ts";

/** One line of a report: a policy, and what came of it with one seed or several. */
export interface ReportRow {
  readonly title: string;
  readonly results: readonly Result[];
}

interface Column {
  readonly title: string;
  /** After the decimal point. */
  readonly digits: number;
  readonly value: (result: Result) => number;
}

/** A table of the rows' means over their seeds, its head first; all rows are of one scenario. Latencies in ms. */
export function reportCells(rows: readonly ReportRow[]): string[][] {
  const sample = rows[0]?.results[0];
  if (!sample) return [];
  const columns = sample.fault ? FAULT_COLUMNS : phaseColumns(sample.phases);
  const head = ["policy", ...columns.map(({ title }) => title)];
  return [head, ...rows.map((row) => [row.title, ...columns.map((column) => cell(row, column))])];
}

/** The same in lines for a terminal: numbers stand under each other. */
export function reportLines(rows: readonly ReportRow[]): string[] {
  return aligned(reportCells(rows));
}

/** Where the table is of a fault: what each phase was like, in lines for a terminal. */
export function phaseLines(rows: readonly ReportRow[]): string[] {
  const sample = rows[0]?.results[0];
  if (!sample?.fault || sample.phases.length < 2) return [];
  const cell = (row: ReportRow, index: number): string => {
    const of = (digits: number, value: (phase: PhaseResult) => number): string =>
      formatNumber(
        meanOf(row, ({ phases }) => value(phases[index]!)),
        digits,
      );
    const p99 = of(0, (phase) => phase.p99);
    const p999 = of(0, (phase) => phase.p999);
    return `${p99} / ${p999}, ${of(2, failedPercent)} %`;
  };
  const head = ["p99 / p99.9, failed requests", ...sample.phases.map(({ name }) => name)];
  return aligned([
    head,
    ...rows.map((row) => [row.title, ...[...sample.phases.keys()].map((i) => cell(row, i))]),
  ]);
}

/** What the columns mean. */
export function legend(rows: readonly ReportRow[]): string[] {
  const sample = rows[0]?.results[0];
  if (!sample) return [];
  const seeds = rows[0]!.results.length;
  const means = seeds > 1 ? [`Means of ${seeds} seeds.`] : [];
  return [...means, ...(sample.fault ? FAULT_LEGEND : PHASE_LEGEND)];
}

const PHASE_LEGEND = [
  "Latencies in ms, of answered requests, from when they should have started. failed: requests without a good answer.",
  "Jain: how well shares follow speed, 1 at best, over the last phase. probes: sent per request.",
];
const FAULT_LEGEND = [
  "Latencies in ms, of answered requests, from when they should have started. failed tries: while the fault lasts.",
  "share: of all tries, that went to the faulty endpoints during the fault; steady: in its last half. below: from when on, for a",
  "second, the share is less. settled: when it has come to stay near the steady one; overshoot: how far it went below before, in fair",
  "shares. back: after the fault, until for a second it has 80 % of its fair share. variation: of the other endpoints' shares beyond chance.",
];

function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((line) => line[column]!.length))) ?? [];
  return cells.map((line) =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join("  "),
  );
}

/** NaN where nothing was measured; Infinity where what is asked for never came. */
export function meanOf({ results }: ReportRow, value: (result: Result) => number): number {
  return results.reduce((sum, result) => sum + value(result), 0) / results.length;
}

/** Of a phase's requests, those that got no good answer, in percent. */
export function failedPercent({ failedRequests, requests }: PhaseResult): number {
  return (100 * failedRequests) / Math.max(1, requests);
}

export function formatNumber(value: number, digits: number): string {
  if (Number.isNaN(value)) return "-";
  return Number.isFinite(value) ? value.toFixed(digits) : "never";
}

function cell(row: ReportRow, { digits, value }: Column): string {
  return formatNumber(meanOf(row, value), digits);
}

function phaseColumns(phases: readonly PhaseResult[]): Column[] {
  const columns = phases.flatMap(({ name }, index) => [
    phaseColumn(`${name}: p50`, 1, index, ({ p50 }) => p50),
    phaseColumn("p99", 0, index, ({ p99 }) => p99),
    phaseColumn("p99.9", 0, index, ({ p999 }) => p999),
    phaseColumn("failed %", 2, index, failedPercent),
  ]);
  return [...columns, phaseColumn("Jain", 3, phases.length - 1, ({ jain }) => jain), PROBES];
}

function phaseColumn(
  title: string,
  digits: number,
  index: number,
  value: (phase: PhaseResult) => number,
): Column {
  return { title, digits, value: ({ phases }) => value(phases[index]!) };
}

function faultColumn(title: string, digits: number, value: (fault: FaultResult) => number): Column {
  return { title, digits, value: ({ fault }) => value(fault!) };
}

const PROBES: Column = { title: "probes", digits: 2, value: ({ probes }) => probes };
const FAULT_COLUMNS: readonly Column[] = [
  faultColumn("failed tries", 0, (fault) => fault.failedTries),
  faultColumn("failed requests", 0, (fault) => fault.failedRequests),
  faultColumn("share %", 2, (fault) => 100 * fault.share),
  faultColumn("steady %", 2, (fault) => 100 * fault.steadyShare),
  faultColumn("below 1 % s", 1, (fault) => fault.below1),
  faultColumn("below 2 % s", 1, (fault) => fault.below2),
  faultColumn("settled s", 1, (fault) => fault.settled),
  faultColumn("overshoot", 2, (fault) => fault.overshoot),
  faultColumn("back s", 1, (fault) => fault.back),
  faultColumn("variation", 3, (fault) => fault.excessVariation),
  faultColumn("p99 before", 0, (fault) => fault.p99.before),
  faultColumn("during", 0, (fault) => fault.p99.during),
  faultColumn("after", 0, (fault) => fault.p99.after),
];
