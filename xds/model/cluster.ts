import type { ClusterLoadAssignment, TransportLabels } from "./endpoint.ts";
import type { HeaderMatch } from "./route-table.ts";
import type { UpstreamTls } from "./tls.ts";

/** CDS resource: a named upstream and how to talk to it. Durations in ms. */
export interface Cluster {
  readonly name: string;
  readonly discovery: Discovery;
  /** Default 5 000. */
  readonly connectTimeoutMs: number;
  readonly balancing: BalancingPolicy;
  readonly locality: LocalityPolicy;
  /** Percent; below it ejections and health are ignored rather than pressing all load on the few that are left. 0: off. Default 50. */
  readonly panicThreshold: number;
  readonly circuitBreakers: { readonly default: Thresholds; readonly high: Thresholds };
  /** Undefined: Dashpot's own detection; set: Envoy's fields with Envoy's meaning. */
  readonly outlierDetection: OutlierDetection | undefined;
  readonly healthChecks: readonly HealthCheck[];
  /** Undefined: plain TCP. */
  readonly tls: UpstreamTls | undefined;
  /** In place of `tls` for endpoints that have all of the labels; the first counts. */
  readonly tlsMatches: readonly {
    readonly labels: TransportLabels;
    readonly tls: UpstreamTls | undefined;
  }[];
  readonly protocol: "http1" | "http2" | "auto";
  /** An idle pooled connection is closed after this. Default 3 600 000; 0: never. */
  readonly idleTimeoutMs: number;
  /** 0: no bound. */
  readonly maxRequestsPerConnection: number;
  /** 0: no bound. */
  readonly maxConnectionDurationMs: number;
  /** Bytes held per connection before who sends them is paused; never more than 64 KiB are. */
  readonly bufferLimitBytes: number;
  readonly tcpKeepaliveMs: number | undefined;
  readonly altStatName: string;
}

export type Discovery =
  /** EDS resource `serviceName`, or the cluster's own name where the control plane gives none. */
  | { readonly kind: "eds"; readonly serviceName: string; readonly initialFetchTimeoutMs: number }
  | { readonly kind: "static"; readonly assignment: ClusterLoadAssignment }
  /** Every address of every name is an endpoint (STRICT_DNS), or only the first (LOGICAL_DNS). */
  | {
      readonly kind: "dns";
      readonly logical: boolean;
      readonly assignment: ClusterLoadAssignment;
      readonly refreshMs: number;
      readonly respectTtl: boolean;
      readonly families: "v4_only" | "v6_only" | "v4_preferred" | "all";
    };

export interface SlowStart {
  /** 0: off. */
  readonly windowMs: number;
  /** Weight grows with (t / window)^(1 / aggression). */
  readonly aggression: number;
  /** 0..1. */
  readonly minWeight: number;
}

/** How an endpoint is chosen. `default` is a cluster that names no policy: the sidecar's `default_policy` takes its place. */
export type BalancingPolicy =
  | { readonly kind: "default" }
  | ({ readonly kind: "adaptive" } & AdaptiveOptions)
  | { readonly kind: "round_robin"; readonly slowStart: SlowStart | undefined }
  | {
      readonly kind: "least_request";
      /** 2..; endpoints compared per pick. */
      readonly choiceCount: number;
      readonly activeRequestBias: number;
      readonly fullScan: boolean;
      readonly slowStart: SlowStart | undefined;
    }
  | { readonly kind: "random" }
  | {
      readonly kind: "peak_ewma";
      readonly decayMs: number;
      readonly defaultRttMs: number;
      readonly choiceCount: number;
    }
  | {
      readonly kind: "ring_hash";
      readonly minimumSize: number;
      readonly maximumSize: number;
      readonly useHostname: boolean;
      /** Percent, >= 100: bounded load; undefined: unbounded. */
      readonly balanceFactor: number | undefined;
    }
  | {
      readonly kind: "maglev";
      readonly tableSize: number;
      readonly useHostname: boolean;
      readonly balanceFactor: number | undefined;
    }
  /** gRFC A58. */
  | {
      readonly kind: "client_side_weighted_round_robin";
      readonly blackoutMs: number;
      readonly weightExpirationMs: number;
      readonly weightUpdateMs: number;
      readonly errorUtilizationPenalty: number;
      readonly metricNames: readonly string[];
    };

/** Options of `dashpot.v1.Adaptive`, the TypedStruct of `load_balancing_policy`. Unset fields take the defaults of balancing. */
export interface AdaptiveOptions {
  /** Up to this many endpoints are all compared at each pick; above it a quarter as many drawn by weight, and as many last used. 2..256, default 32. */
  readonly scanLimit?: number;
  /** How fast estimates forget, in ms. Default 5 000. */
  readonly decayMs?: number;
  /** Shortest time between weight updates, in ms. Default 1 000. */
  readonly weightUpdateMs?: number;
  /** Least share of its fair share that a ready endpoint keeps, 0..0.5. Default 0.003. */
  readonly explorationFloor?: number;
  readonly slowStart?: SlowStart;
}

export interface LocalityPolicy {
  readonly kind: "none" | "weighted" | "zone_aware";
  /** Percent of requests that zone awareness applies to. */
  readonly zoneRoutingEnabled: number;
  readonly zoneMinClusterSize: number;
}

/** Circuit breaker thresholds of one priority; each bounds the whole cluster in this sidecar. */
export interface Thresholds {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  /** Undefined where a retry budget rules instead. */
  readonly maxRetries: number | undefined;
  readonly retryBudget: { readonly percent: number; readonly minConcurrency: number } | undefined;
}

/** `envoy.config.cluster.v3.OutlierDetection`, defaults filled in. Percentages 0..100. */
export interface OutlierDetection {
  readonly consecutive5xx: number;
  readonly enforcingConsecutive5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly enforcingConsecutiveGatewayFailure: number;
  readonly splitExternalLocalOriginErrors: boolean;
  readonly consecutiveLocalOriginFailure: number;
  readonly enforcingConsecutiveLocalOriginFailure: number;
  readonly enforcingLocalOriginSuccessRate: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionJitterMs: number;
  readonly maxEjectionPercent: number;
  readonly alwaysEjectOneHost: boolean;
  readonly enforcingSuccessRate: number;
  readonly successRateMinimumHosts: number;
  readonly successRateRequestVolume: number;
  /** Already divided by 1000. */
  readonly successRateStdevFactor: number;
  readonly failurePercentageThreshold: number;
  readonly enforcingFailurePercentage: number;
  readonly enforcingFailurePercentageLocalOrigin: number;
  readonly failurePercentageMinimumHosts: number;
  readonly failurePercentageRequestVolume: number;
  readonly activeHealthCheckUnejects: boolean;
}

export interface HealthCheck {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly intervalJitterMs: number;
  readonly intervalJitterPercent: number;
  readonly initialJitterMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
  readonly unhealthyIntervalMs: number;
  readonly unhealthyEdgeIntervalMs: number;
  readonly healthyEdgeIntervalMs: number;
  readonly check:
    | {
        readonly kind: "http";
        readonly host: string;
        readonly path: string;
        readonly method: string;
        readonly headers: readonly (readonly [name: string, value: string])[];
        /** Half-open ranges; empty: 200 only. */
        readonly expectedStatuses: readonly (readonly [from: number, to: number])[];
        readonly retriableStatuses: readonly (readonly [from: number, to: number])[];
        readonly responseHeaders: readonly HeaderMatch[];
        readonly http2: boolean;
      }
    | { readonly kind: "tcp"; readonly send: Uint8Array; readonly receive: readonly Uint8Array[] }
    | {
        readonly kind: "grpc";
        readonly serviceName: string;
        /** Empty: the cluster's name. */
        readonly authority: string;
        readonly metadata: readonly (readonly [name: string, value: string])[];
      };
}
