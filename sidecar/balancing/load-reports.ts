import type { LoadReport, Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";

/** What backends last said of themselves. NaN: not reported. */
export class LoadReports implements Columns {
  rif = new Float64Array(0);
  cores = new Float64Array(0);
  /** Time of the last report; -Infinity before the first. */
  at = new Float64Array(0);

  grow(capacity: number): void {
    this.rif = grownFloats(this.rif, capacity);
    this.cores = grownFloats(this.cores, capacity);
    this.at = grownFloats(this.at, capacity);
  }

  clear(slot: Slot): void {
    this.rif[slot] = Number.NaN;
    this.cores[slot] = Number.NaN;
    this.at[slot] = Number.NEGATIVE_INFINITY;
  }

  take(slot: Slot, report: LoadReport, now: number): void {
    if (report.rif >= 0 && Number.isFinite(report.rif)) this.rif[slot] = report.rif;
    if (report.cores > 0 && Number.isFinite(report.cores)) this.cores[slot] = report.cores;
    this.at[slot] = now;
  }
}
