import { findPolicy, type ReportRow } from "../../../sidecar/simulate/index.ts";
import type { Outcome } from "./job.ts";

/** A row of a scenario's table, and the policy it is of. */
export interface PolicyRow extends ReportRow {
  readonly policy: string;
}

/** The rows of one scenario: a policy each, over its seeds, and one more where it also ran with a retry. */
export function rowsOf(outcomes: readonly Outcome[], scenario: string): PolicyRow[] {
  const rows = new Map<string, { policy: string; title: string; results: Outcome["result"][] }>();
  for (const { job, result } of outcomes) {
    if (job.scenario !== scenario) continue;
    const title = findPolicy(job.policy)!.title + (job.retry ? ", one retry" : "");
    const row = rows.get(title);
    if (row) row.results.push(result);
    else rows.set(title, { policy: job.policy, title, results: [result] });
  }
  return [...rows.values()];
}
