import { milliseconds, percent, renderTable } from "../table.ts";

/** What happened in one phase. */
export interface PhaseResult {
  readonly name: string;
  readonly sent: number;
  readonly failed: number;
  /** The sick endpoint's part of the picks. */
  readonly sickShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface DemoResult {
  readonly phases: readonly PhaseResult[];
  /** From the first fast 500 until the sick endpoint got under 1 % of the picks. */
  readonly secondsToLeaveErrors: number | undefined;
  readonly secondsToLeaveDead: number | undefined;
  /** From the repair until it got 80 % of its first share again. */
  readonly secondsToReturn: number | undefined;
}

/** What the demo promises; each is also a line of the summary. */
export interface Verdict {
  readonly promise: string;
  readonly kept: boolean;
  readonly seen: string;
}

/** One request in a thousand may be lost: those whose retry met the same fate. */
const MOST_FAILED = 0.001;
const MOST_SECONDS_TO_LEAVE = 1;
const MOST_SECONDS_TO_RETURN = 10;

export function judge(result: DemoResult): Verdict[] {
  const sent = result.phases.reduce((sum, phase) => sum + phase.sent, 0);
  const failed = result.phases.reduce((sum, phase) => sum + phase.failed, 0);
  return [
    {
      promise: "at most 0.1 % of the requests failed",
      kept: sent > 0 && failed <= sent * MOST_FAILED,
      seen: `${failed} of ${sent}`,
    },
    {
      promise: "an endpoint that answers fast 500s has under 1 % of the picks after 1 s",
      kept: within(result.secondsToLeaveErrors, MOST_SECONDS_TO_LEAVE),
      seen: seconds(result.secondsToLeaveErrors),
    },
    {
      promise: "a dead endpoint has under 1 % of the picks after 1 s",
      kept: within(result.secondsToLeaveDead, MOST_SECONDS_TO_LEAVE),
      seen: seconds(result.secondsToLeaveDead),
    },
    {
      promise: "a repaired endpoint is back at 80 % of its share within 10 s",
      kept: within(result.secondsToReturn, MOST_SECONDS_TO_RETURN),
      seen: seconds(result.secondsToReturn),
    },
  ];
}

export function renderSummary(result: DemoResult): string {
  const table = renderTable<PhaseResult>(
    [
      { title: "phase", align: "left", cell: (phase) => phase.name },
      { title: "requests", align: "right", cell: (phase) => String(phase.sent) },
      { title: "failed", align: "right", cell: (phase) => String(phase.failed) },
      { title: "share of orders-b", align: "right", cell: (phase) => percent(phase.sickShare) },
      { title: "p50", align: "right", cell: (phase) => milliseconds(phase.p50Ms) },
      { title: "p99", align: "right", cell: (phase) => milliseconds(phase.p99Ms) },
    ],
    result.phases,
  );
  const verdicts = judge(result).map(
    ({ promise, kept, seen }) => `${kept ? "kept  " : "BROKEN"}  ${promise} (${seen})`,
  );
  return `${[...table, "", ...verdicts].join("\n")}\n`;
}

function within(value: number | undefined, most: number): boolean {
  return value !== undefined && value <= most;
}

function seconds(value: number | undefined): string {
  return value === undefined ? "not seen" : `${value.toFixed(1)} s`;
}
