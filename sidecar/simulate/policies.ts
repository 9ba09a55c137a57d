import type { OutlierDetection } from "../../xds/model/cluster.ts";
import { NO_LOCALITY } from "../../xds/model/no-locality.ts";
import { OUTLIER_DETECTION_DEFAULTS } from "../../xds/model/outlier-detection-defaults.ts";
import { createBalancer, DEFAULT_POLICIES, type ResolvedPolicy } from "../balancing/index.ts";
import { C3 } from "./peers/c3.ts";
import { D2Relative } from "./peers/d2-relative.ts";
import { InverseLatency } from "./peers/inverse-latency.ts";
import { Linkerd } from "./peers/linkerd.ts";
import { Oracle } from "./peers/oracle.ts";
import { Prequal } from "./peers/prequal.ts";
import type { Scenario } from "./scenario.ts";
import type { PolicySources, SimulatedPolicy } from "./simulated-policy.ts";

/** A policy that can be simulated. */
export interface PolicyEntry {
  readonly name: string;
  readonly title: string;
  /** Cannot work without reports; others get them when the scenario says so. */
  readonly needsReports?: boolean;
  /** The operator weighs each endpoint by what it can do, instead of by the scenario's weights. */
  readonly weighsByCapacity?: boolean;
  create(sources: PolicySources, scenario: Scenario): SimulatedPolicy;
}

/** What Envoy does with a cluster that has no `outlier_detection`: nothing. */
const NO_DETECTION: OutlierDetection = {
  ...OUTLIER_DETECTION_DEFAULTS,
  enforcingConsecutive5xx: 0,
  enforcingConsecutiveLocalOriginFailure: 0,
  enforcingLocalOriginSuccessRate: 0,
  enforcingSuccessRate: 0,
};

/** The blackout is shortened from 10 s: a run is a minute long. */
const WEIGHTED_ROUND_ROBIN: ResolvedPolicy = {
  kind: "client_side_weighted_round_robin",
  blackoutMs: 2_000,
  weightExpirationMs: 180_000,
  weightUpdateMs: 1_000,
  errorUtilizationPenalty: 1,
  metricNames: [],
};
const PREQUAL_PUBLISHED = { poolSize: 16, hotQuantile: 2 ** -0.25, avoidsErrors: false };
const PREQUAL_TUNED = { poolSize: 5, hotQuantile: 0.6, avoidsErrors: false };

export const POLICIES: readonly PolicyEntry[] = [
  production("round_robin", "round robin", DEFAULT_POLICIES.round_robin, NO_DETECTION),
  {
    ...production(
      "round_robin_weighted",
      "weighted round robin, true weights",
      DEFAULT_POLICIES.round_robin,
      NO_DETECTION,
    ),
    weighsByCapacity: true,
  },
  production(
    "round_robin_od",
    "round robin, Envoy ejection",
    DEFAULT_POLICIES.round_robin,
    OUTLIER_DETECTION_DEFAULTS,
  ),
  production("random", "random", DEFAULT_POLICIES.random, NO_DETECTION),
  production("least_request", "least request of 2", DEFAULT_POLICIES.least_request, NO_DETECTION),
  production(
    "least_request_od",
    "least request, Envoy ejection",
    DEFAULT_POLICIES.least_request,
    OUTLIER_DETECTION_DEFAULTS,
  ),
  production("peak_ewma", "peak EWMA of 2", DEFAULT_POLICIES.peak_ewma, NO_DETECTION),
  {
    name: "linkerd",
    title: "Linkerd: peak EWMA, penalty, breaker",
    create: (sources) => new Linkerd(sources),
  },
  {
    name: "prequal_published",
    title: "Prequal, pool 16, q 0.84",
    create: (sources) => new Prequal(sources, PREQUAL_PUBLISHED),
  },
  {
    name: "prequal",
    title: "Prequal, pool 5, q 0.6",
    create: (sources) => new Prequal(sources, PREQUAL_TUNED),
  },
  {
    name: "prequal_errors",
    title: "Prequal, pool 5, error aversion",
    create: (sources) => new Prequal(sources, { ...PREQUAL_TUNED, avoidsErrors: true }),
  },
  {
    ...production("weighted_round_robin", "client-side WRR (A58)", WEIGHTED_ROUND_ROBIN, NO_DETECTION),
    needsReports: true,
  },
  { name: "c3", title: "C3", needsReports: true, create: (sources) => new C3(sources, {}) },
  {
    name: "c3_estimated",
    title: "C3, service time estimated",
    needsReports: true,
    create: (sources) => new C3(sources, { estimates: true }),
  },
  {
    name: "c3_breaker",
    title: "C3, breaker at 5",
    needsReports: true,
    create: (sources) => new C3(sources, { breaks: true }),
  },
  { name: "d2_relative", title: "Rest.li D2 relative", create: (sources) => new D2Relative(sources) },
  {
    name: "inverse_latency",
    title: "1 / latency, undamped",
    create: (sources) => new InverseLatency(sources),
  },
  production("adaptive", "adaptive (Dashpot)", DEFAULT_POLICIES.adaptive, undefined),
  {
    ...production("adaptive_reports", "adaptive, with reports", DEFAULT_POLICIES.adaptive, undefined),
    needsReports: true,
  },
  { name: "oracle", title: "oracle: shortest expected delay", create: (sources) => new Oracle(sources) },
];

/** An entry that runs the production balancer. `detection` undefined: Dashpot's own. */
export function production(
  name: string,
  title: string,
  policy: ResolvedPolicy,
  detection: OutlierDetection | undefined,
): PolicyEntry {
  return {
    name,
    title,
    create: ({ clock, random, zone }, scenario) =>
      createBalancer(
        policy,
        {
          outlierDetection: detection,
          localZone: zone,
          locality: { ...NO_LOCALITY, kind: scenario.locality },
        },
        { clock, random },
      ),
  };
}

export function findPolicy(name: string): PolicyEntry | undefined {
  return POLICIES.find((entry) => entry.name === name);
}
