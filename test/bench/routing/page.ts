import {
  failedPercent,
  findPolicy,
  formatNumber,
  loadScenario,
  meanOf,
  reportCells,
} from "../../../sidecar/simulate/index.ts";
import type { Outcome } from "./job.ts";
import { type Entry, POLICIES } from "./line-up.ts";
import { type PolicyRow, rowsOf } from "./rows.ts";

/** Fewer failures than this, in percent, are not worth a place in the table at a glance. */
const WORTH_TELLING_PERCENT = 0.05;

/** All results as a page of the documentation. */
export function renderPage(
  outcomes: readonly Outcome[],
  scenarios: readonly Entry[],
  seeds: readonly number[],
): string {
  const tables = scenarios.map((entry) => ({ ...entry, rows: rowsOf(outcomes, entry.name) }));
  const steady = tables.filter(({ rows }) => rows[0]?.results[0]?.fault === undefined);
  const faulty = tables.filter((table) => !steady.includes(table));
  const told = seeds.length === 1 ? `seed ${seeds[0]}` : `the means of seeds ${seeds.join(", ")}`;
  return [
    "# Routing, measured",
    "",
    `This page is written by \`npm run bench:routing -- --seeds ${seeds.join(",")} --page FILE\`. All numbers are ${told}; all policies`,
    "of a scenario get the same requests. [How routing decides](how-routing-decides.md) says what to make of them and how constants were",
    "chosen; [simulating routing](simulate.md) how to run one scenario by itself. Peers that know no priorities take all endpoints for equal (Q).",
    "",
    "## At a glance",
    "",
    "p99 / p99.9 of answered requests in ms, over the last phase of each scenario, and failed requests where there are any.",
    "",
    ...glance(steady, steadyCell),
    "",
    "One fault: failed tries while it lasts, p99 during it in ms, and seconds from its end until the endpoint has 80 % of its share again.",
    "",
    ...glance(faulty, faultyCell),
    ...tables.flatMap(({ letter, name, rows }) => [
      "",
      `## ${letter}: ${titleOf(name)}`,
      "",
      `\`${name}\``,
      "",
      ...markdownTable(reportCells(rows)),
    ]),
    "",
  ].join("\n");
}

interface Table extends Entry {
  readonly rows: readonly PolicyRow[];
}

function glance(tables: readonly Table[], cell: (row: PolicyRow) => string): string[] {
  const head = ["", ...tables.map(({ letter }) => letter)];
  const ran = POLICIES.filter((policy) =>
    tables.some(({ rows }) => rows.some((row) => row.policy === policy)),
  );
  const lines = ran.map((policy) => [
    findPolicy(policy)?.title ?? policy,
    ...tables.map(({ rows }) => {
      const row = rows.find((candidate) => candidate.policy === policy);
      return row ? cell(row) : "";
    }),
  ]);
  return markdownTable([head, ...lines]);
}

function steadyCell(row: PolicyRow): string {
  const p99 = formatNumber(
    meanOf(row, ({ phases }) => phases.at(-1)!.p99),
    0,
  );
  const p999 = formatNumber(
    meanOf(row, ({ phases }) => phases.at(-1)!.p999),
    0,
  );
  const failed = meanOf(row, ({ phases }) => failedPercent(phases.at(-1)!));
  return `${p99} / ${p999}${failed < WORTH_TELLING_PERCENT ? "" : `, ${formatNumber(failed, 1)} % failed`}`;
}

function faultyCell(row: PolicyRow): string {
  const of = (value: (fault: NonNullable<PolicyRow["results"][number]["fault"]>) => number): number =>
    meanOf(row, ({ fault }) => value(fault!));
  const failed = formatNumber(
    of(({ failedTries }) => failedTries),
    0,
  );
  const p99 = formatNumber(
    of((fault) => fault.p99.during),
    0,
  );
  const back = of((fault) => fault.back);
  return `${failed}, ${p99} ms, ${Number.isFinite(back) ? `${formatNumber(back, 1)} s` : "never back"}`;
}

function markdownTable([head, ...lines]: readonly (readonly string[])[]): string[] {
  if (!head) return [];
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...lines.map(row)];
}

function titleOf(name: string): string {
  const reading = loadScenario(name);
  return "scenario" in reading ? reading.scenario.title : name;
}
