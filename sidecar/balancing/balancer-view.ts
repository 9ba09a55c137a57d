import type { BalancerView, EndpointView, Slot } from "./balancer.ts";
import type { LoadTable } from "./load-table.ts";

/** The cluster as a person reads it. */
export function viewOf(now: number, policy: string, panic: boolean, table: LoadTable): BalancerView {
  const slots = Array.from(table.roster.members.subarray(0, table.roster.count));
  const recent = slots.map((slot) => table.picks.recent(slot, now));
  const total = recent.reduce((a, b) => a + b, 0);
  return {
    policy,
    weightsGeneration: table.controller.generation,
    panic,
    endpoints: slots.map((slot, i) => endpointView(slot, now, total === 0 ? 0 : recent[i]! / total, table)),
  };
}

const NOWHERE = { region: "", zone: "", subZone: "" };

function endpointView(slot: Slot, now: number, share: number, table: LoadTable): EndpointView {
  const { roster, states, weights, inFlight, failures } = table;
  const { region, zone, subZone } = roster.locality(slot) ?? NOWHERE;
  const failsChecks = table.failedChecks.has(roster.address(slot));
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
    weight: weights.usesLearned ? weights.learned[slot]! : 1,
    weightStep: table.controller.explain(slot),
    slowStartFactor: states.factor(slot, now),
    latencyMs: table.latency.recentMs[slot]!,
    errorRate: failures.seenRate(slot, now),
    inFlight: inFlight.count[slot]!,
    oldestInFlightMs: Number.isNaN(oldest) ? 0 : Math.max(0, now - oldest),
    share,
    picks: table.picks.total[slot]!,
    failures: failures.total[slot]!,
    lastReportAgeMs: now - table.reports.at[slot]!,
  };
}
