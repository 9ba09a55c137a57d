import type { BalancingPolicy, LocalityPolicy, OutlierDetection } from "../../xds/model/cluster.ts";

export interface BalancerOptions {
  /** Undefined: Dashpot's own detection; set: Envoy's fields with Envoy's meaning. */
  readonly outlierDetection?: OutlierDetection | undefined;
  /** Percent; below it health and ejections are ignored. 0: never. Default 50. */
  readonly panicThreshold?: number;
  /** Default: localities do not matter. */
  readonly locality?: LocalityPolicy;
  /** The zone this sidecar runs in; unset: unknown, and zone awareness is off. */
  readonly localZone?: string;
}

/** The policy of a cluster, with `default` already replaced by what the sidecar's settings say. */
export type ResolvedPolicy = Exclude<BalancingPolicy, { readonly kind: "default" }>;
