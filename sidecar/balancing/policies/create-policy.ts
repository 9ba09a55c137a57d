import type { Random } from "../../../xds/common/random.ts";
import type { EndpointWeights } from "../endpoint-weights.ts";
import type { FailureEstimates } from "../failure-estimates.ts";
import type { InFlight } from "../in-flight.ts";
import type { ResolvedPolicy } from "../index.ts";
import type { LatencyEstimates } from "../latency-estimates.ts";
import type { LoadReports } from "../load-reports.ts";
import type { Roster } from "../roster.ts";
import { Adaptive } from "./adaptive.ts";
import { ClientSideWrr } from "./client-side-wrr.ts";
import { LeastRequest } from "./least-request.ts";
import { Maglev } from "./maglev.ts";
import { PeakEwma } from "./peak-ewma.ts";
import type { Policy } from "./policy.ts";
import { RandomChoice } from "./random.ts";
import { RingHash } from "./ring-hash.ts";
import { RoundRobin } from "./round-robin.ts";

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

export const SCAN_LIMIT = 32;
const EXPLORATION_FLOOR = 0.003;

export function createPolicy(policy: ResolvedPolicy, state: SharedState): Policy {
  const { inFlight, random } = state;
  const weights = () => state.weights.effective;
  switch (policy.kind) {
    case "round_robin":
      return new RoundRobin(weights, random);
    case "random":
      return new RandomChoice(weights, random);
    case "least_request":
      return new LeastRequest(policy, inFlight, weights, random);
    case "adaptive":
      return new Adaptive(state, {
        scanLimit: policy.scanLimit ?? SCAN_LIMIT,
        explorationFloor: policy.explorationFloor ?? EXPLORATION_FLOOR,
      });
    case "peak_ewma":
      return new PeakEwma(policy, inFlight, weights, random);
    case "ring_hash":
      return new RingHash(policy, state.roster, inFlight, random);
    case "maglev":
      return new Maglev(policy, state.roster, inFlight, random);
    case "client_side_weighted_round_robin":
      return new ClientSideWrr(policy, state.roster, state.weights, random);
  }
}
