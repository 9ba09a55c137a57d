import type { Random } from "../../../xds/common/random.ts";
import type { EndpointWeights } from "../endpoint-weights.ts";
import type { FailureEstimates } from "../failure-estimates.ts";
import type { InFlight } from "../in-flight.ts";
import type { LatencyEstimates } from "../latency-estimates.ts";
import type { LoadReports } from "../load-reports.ts";
import type { Roster } from "../roster.ts";

/** What balancing keeps for all policies. */
export interface SharedState {
  readonly roster: Roster;
  readonly inFlight: InFlight;
  readonly latency: LatencyEstimates;
  readonly failures: FailureEstimates;
  readonly reports: LoadReports;
  readonly weights: EndpointWeights;
  readonly random: Random;
}
