import { adaptiveSettings } from "../adaptive-settings.ts";
import type { ResolvedPolicy } from "../balancer-options.ts";
import { Adaptive } from "./adaptive.ts";
import { ClientSideWrr } from "./client-side-wrr.ts";
import { LeastRequest } from "./least-request.ts";
import { Maglev } from "./maglev.ts";
import { PeakEwma } from "./peak-ewma.ts";
import type { Policy } from "./policy.ts";
import { RandomChoice } from "./random.ts";
import { RingHash } from "./ring-hash.ts";
import { RoundRobin } from "./round-robin.ts";
import type { SharedState } from "./shared-state.ts";

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
      return new Adaptive(state, adaptiveSettings(policy));
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
