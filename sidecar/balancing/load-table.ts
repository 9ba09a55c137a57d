import type { Random } from "../../xds/common/random.ts";
import type { Columns } from "./column.ts";
import { EndpointStates, type Report } from "./endpoint-states.ts";
import { EndpointWeights } from "./endpoint-weights.ts";
import { FailureEstimates } from "./failure-estimates.ts";
import { InFlight } from "./in-flight.ts";
import { LatencyEstimates } from "./latency-estimates.ts";
import { LoadReports } from "./load-reports.ts";
import { PickCounts } from "./pick-counts.ts";
import { Roster } from "./roster.ts";
import { WeightController } from "./weight-controller.ts";

/**
 * All that is known of one cluster's endpoints, by slot: who they are, what runs there, what was learned. It lives as long
 * as the cluster; policies and settings come and go over it, so that a change of them forgets nothing and every attempt
 * ends on the books that it was begun on.
 */
export class LoadTable {
  readonly random: Random;
  readonly roster: Roster;
  readonly inFlight = new InFlight();
  readonly failures = new FailureEstimates();
  readonly latency = new LatencyEstimates();
  readonly reports = new LoadReports();
  readonly picks = new PickCounts();
  readonly weights = new EndpointWeights();
  readonly states: EndpointStates;
  readonly controller: WeightController;
  /** Addresses that fail their active health checks. */
  readonly failedChecks = new Set<string>();

  /** `further`: columns of those that come and go. */
  constructor(random: Random, report: Report, further: Columns) {
    this.random = random;
    this.states = new EndpointStates(report);
    const columns: Columns[] = [
      this.inFlight,
      this.failures,
      this.latency,
      this.reports,
      this.picks,
      this.weights,
      this.states,
    ];
    this.roster = new Roster(columns);
    this.controller = new WeightController(this);
    columns.push(this.controller, further);
  }
}
