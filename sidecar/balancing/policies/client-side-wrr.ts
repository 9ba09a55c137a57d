import type { Random } from "../../../xds/common/random.ts";
import type { LoadReport, PickRequest, Slot } from "../balancer.ts";
import { grownFloats } from "../column.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import type { EndpointWeights } from "../endpoint-weights.ts";
import type { Evidence } from "../evidence.ts";
import type { LoadTable } from "../load-table.ts";
import type { Roster } from "../roster.ts";
import type { Chooser, Policy } from "./policy.ts";
import { Rotation } from "./round-robin.ts";

export interface ClientSideWrrOptions {
  readonly blackoutMs: number;
  readonly weightExpirationMs: number;
  readonly weightUpdateMs: number;
  readonly errorUtilizationPenalty: number;
  readonly metricNames: readonly string[];
}

const FEWEST_KNOWN = 2;
const NEVER = Number.NEGATIVE_INFINITY;

/**
 * gRFC A58: weight = rps / (utilisation + eps / rps * penalty), from the reports of backends. An endpoint without a usable
 * weight gets the mean of the others; with fewer than two known it is plain round robin.
 */
export class ClientSideWrr implements Policy {
  readonly #options: ClientSideWrrOptions;
  readonly #roster: Roster;
  readonly #shared: EndpointWeights;
  readonly #random: Random;
  #reported = new Float64Array(0);
  /** First report of the running series, and the last one. */
  #since = new Float64Array(0);
  #at = new Float64Array(0);
  /** In force: the reported weight times the operator's and slow start. */
  #weights = new Float64Array(0);
  #nextUpdate = NEVER;

  constructor(options: ClientSideWrrOptions, table: LoadTable) {
    this.#options = options;
    this.#roster = table.roster;
    this.#shared = table.weights;
    this.#random = table.random;
  }

  grow(capacity: number): void {
    const from = this.#weights.length;
    this.#reported = grownFloats(this.#reported, capacity);
    this.#since = grownFloats(this.#since, capacity);
    this.#at = grownFloats(this.#at, capacity);
    this.#weights = grownFloats(this.#weights, capacity).fill(1, from);
  }

  clear(slot: Slot): void {
    this.#reported[slot] = 0;
    this.#since[slot] = NEVER;
    this.#at[slot] = NEVER;
    this.#weights[slot] = 1;
  }

  chooser(set: EndpointSet): Chooser {
    const rotation = new Rotation(set, () => this.#weights, this.#random);
    let version = -1;
    return {
      choose: (request: PickRequest, now: number, evidence: Evidence): Slot => {
        // New endpoints, or a new operator's weight, count from the first pick on.
        if (version !== set.version) this.#update(now);
        version = set.version;
        return rotation.choose(request, now, evidence);
      },
      onStart: (slot: Slot) => rotation.onStart(slot),
    };
  }

  onLoadReport(slot: Slot, report: LoadReport, now: number): void {
    const utilisation = this.#utilisation(report);
    if (!(report.rps > 0 && utilisation > 0) || !Number.isFinite(report.rps + utilisation)) return;
    const errors = report.eps > 0 && Number.isFinite(report.eps) ? report.eps / report.rps : 0;
    this.#reported[slot] = report.rps / (utilisation + errors * this.#options.errorUtilizationPenalty);
    if (now - this.#at[slot]! >= this.#options.weightExpirationMs) this.#since[slot] = now;
    this.#at[slot] = now;
  }

  tick(now: number): boolean {
    if (now < this.#nextUpdate) return false;
    this.#nextUpdate = now + this.#options.weightUpdateMs;
    return this.#update(now);
  }

  #update(now: number): boolean {
    const { members, count } = this.#roster;
    const { blackoutMs, weightExpirationMs } = this.#options;
    let sum = 0;
    let known = 0;
    const isKnown = (slot: Slot) =>
      now - this.#at[slot]! < weightExpirationMs && now - this.#since[slot]! >= blackoutMs;
    for (let i = 0; i < count; i++) {
      if (!isKnown(members[i]!)) continue;
      sum += this.#reported[members[i]!]!;
      known++;
    }
    let changed = false;
    for (let i = 0; i < count; i++) {
      const slot = members[i]!;
      const relative = known < FEWEST_KNOWN || !isKnown(slot) ? 1 : (this.#reported[slot]! * known) / sum;
      const weight = relative * this.#shared.effective[slot]!;
      changed ||= weight !== this.#weights[slot];
      this.#weights[slot] = weight;
    }
    return changed;
  }

  #utilisation(report: LoadReport): number {
    if (report.applicationUtilization > 0) return report.applicationUtilization;
    let most = Number.NaN;
    for (const name of this.#options.metricNames) {
      const value = report.named.get(name);
      if (value !== undefined && !(value <= most)) most = value;
    }
    return most > 0 ? most : report.cpuUtilization;
  }
}
