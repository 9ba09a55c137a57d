import type { FaultResult, PhaseResult, Result } from "./measure.ts";

/** One line of a report: a policy, and what came of it with one seed or several. */
export interface ReportRow {
  readonly title: string;
  readonly results: readonly Result[];
}

/** A table of the rows' means over their seeds; all rows are of one scenario. Latencies in ms. */
export function reportLines(rows: readonly ReportRow[]): string[] {
  const sample = rows[0]?.results[0];
  if (!sample) return [];
  const head = ["policy", ...(sample.fault ? FAULT_TITLES : phaseTitles(sample.phases))];
  const cells = rows.map((row) => [row.title, ...(sample.fault ? faultCells(row) : phaseCells(row))]);
  const lines = [head, ...cells];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
}

function phaseTitles(phases: readonly PhaseResult[]): string[] {
  return [...phases.flatMap((phase) => [`${phase.name}: p50`, "p99", "p99.9", "failed %"]), "Jain", "probes"];
}

function phaseCells(row: ReportRow): string[] {
  const cells: string[] = [];
  for (const index of row.results[0]!.phases.keys()) {
    const of = (value: (phase: PhaseResult) => number) => mean(row, (result) => value(result.phases[index]!));
    cells.push(
      number(
        of((phase) => phase.p50),
        1,
      ),
    );
    cells.push(
      number(
        of((phase) => phase.p99),
        0,
      ),
    );
    cells.push(
      number(
        of((phase) => phase.p999),
        0,
      ),
    );
    cells.push(
      number(
        of((phase) => (100 * phase.failedRequests) / Math.max(1, phase.requests)),
        2,
      ),
    );
  }
  cells.push(
    number(
      mean(row, (result) => result.phases.at(-1)!.jain),
      3,
    ),
  );
  cells.push(
    number(
      mean(row, (result) => result.probes),
      2,
    ),
  );
  return cells;
}

type FaultColumn = readonly [title: string, digits: number, value: (fault: FaultResult) => number];
const FAULT_COLUMNS: readonly FaultColumn[] = [
  ["failed tries", 0, (fault) => fault.failedTries],
  ["failed requests", 0, (fault) => fault.failedRequests],
  ["share %", 2, (fault) => 100 * fault.share],
  ["steady %", 2, (fault) => 100 * fault.steadyShare],
  ["below 1 % s", 1, (fault) => fault.below1],
  ["below 2 % s", 1, (fault) => fault.below2],
  ["settled s", 1, (fault) => fault.settled],
  ["overshoot", 2, (fault) => fault.overshoot],
  ["back s", 1, (fault) => fault.back],
  ["variation", 3, (fault) => fault.excessVariation],
];
const FAULT_TITLES = [...FAULT_COLUMNS.map(([title]) => title), "p99 before", "during", "after"];

function faultCells(row: ReportRow): string[] {
  const cells = FAULT_COLUMNS.map(([, digits, value]) =>
    number(
      mean(row, ({ fault }) => value(fault!)),
      digits,
    ),
  );
  for (const part of ["before", "during", "after"] as const) {
    cells.push(
      number(
        mean(row, ({ fault }) => fault!.p99[part]),
        0,
      ),
    );
  }
  return cells;
}

function number(value: number, digits: number): string {
  if (Number.isNaN(value)) return "-";
  return Number.isFinite(value) ? value.toFixed(digits) : "never";
}

function mean(row: ReportRow, value: (result: Result) => number): number {
  return row.results.reduce((sum, result) => sum + value(result), 0) / row.results.length;
}
