import type { BalancerView, EndpointView, Slot } from "./balancer.ts";
import type { EndpointStates } from "./endpoint-states.ts";
import type { EndpointWeights } from "./endpoint-weights.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";
import type { LoadReports } from "./load-reports.ts";
import type { PickCounts } from "./pick-counts.ts";
import type { Roster } from "./roster.ts";
import type { WeightController } from "./weight-controller.ts";

interface Parts {
  readonly roster: Roster;
  readonly states: EndpointStates;
  readonly weights: EndpointWeights;
  readonly controller: WeightController;
  readonly latency: LatencyEstimates;
  readonly failures: FailureEstimates;
  readonly inFlight: InFlight;
  readonly picks: PickCounts;
  readonly reports: LoadReports;
  readonly failedChecks: ReadonlySet<string>;
}

/** The cluster as a person reads it. */
export function viewOf(now: number, policy: string, panic: boolean, parts: Parts): BalancerView {
  const slots = Array.from(parts.roster.members.subarray(0, parts.roster.count));
  const recent = slots.map((slot) => parts.picks.recent(slot, now));
  const total = recent.reduce((a, b) => a + b, 0);
  return {
    policy,
    weightsGeneration: parts.controller.generation,
    panic,
    endpoints: slots.map((slot, i) => endpointView(slot, now, total === 0 ? 0 : recent[i]! / total, parts)),
  };
}

const NOWHERE = { region: "", zone: "", subZone: "" };

function endpointView(slot: Slot, now: number, share: number, parts: Parts): EndpointView {
  const { roster, states, weights, inFlight, failures } = parts;
  const { region, zone, subZone } = roster.locality(slot) ?? NOWHERE;
  const failsChecks = parts.failedChecks.has(roster.address(slot));
  const address = roster.address(slot);
  const oldest = inFlight.oldestStart(slot);
  return {
    slot,
    address,
    hostname: roster.endpoint(slot)?.hostname ?? "",
    locality: [region, zone, subZone].filter((part) => part !== "").join("/"),
    place: { region, zone, subZone },
    priority: roster.priority(slot),
    health: failsChecks ? "unhealthy" : (roster.endpoint(slot)?.health ?? "unhealthy"),
    failsChecks,
    state: states.name(slot),
    ejectedForMs: states.name(slot) === "ejected" ? Math.max(0, states.ejectedUntil[slot]! - now) : 0,
    staticWeight: roster.weights[slot]!,
    weight: weights.learned[slot]!,
    weightStep: parts.controller.explain(slot),
    slowStartFactor: states.factor(slot, now),
    latencyMs: parts.latency.recentMs[slot]!,
    errorRate: failures.seenRate(slot, now),
    inFlight: inFlight.count[slot]!,
    oldestInFlightMs: Number.isNaN(oldest) ? 0 : Math.max(0, now - oldest),
    share,
    picks: parts.picks.total[slot]!,
    failures: failures.total[slot]!,
    lastReportAgeMs: now - parts.reports.at[slot]!,
  };
}
