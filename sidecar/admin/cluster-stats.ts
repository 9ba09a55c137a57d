import { clusterScope, ownClusterScope, type StatSheet } from "../telemetry/stat-sheet.ts";
import type { ClusterView } from "../upstream/upstream-cluster.ts";

/** Endpoints with metrics of their own, per cluster: labels cost memory in whoever scrapes. */
const MAX_ENDPOINTS = 100;

/** Envoy's names for the bounds of a circuit breaker. */
const OPEN_BOUNDS = [
  ["connections", "cx"],
  ["pending", "rq_pending"],
  ["requests", "rq"],
  ["retries", "rq_retry"],
] as const;

/** Writes what clusters hold at the moment on a sheet. */
export function writeClusters(clusters: readonly ClusterView[], sheet: StatSheet): void {
  for (const { name, balancer, connections, requests, overflows, open } of clusters) {
    const scope = clusterScope(name);
    sheet.gauge(scope, "upstream_cx_active", connections.active);
    sheet.counter(scope, "upstream_cx_total", connections.total);
    sheet.counter(scope, "upstream_cx_destroy", connections.total - connections.active);
    sheet.counter(scope, "upstream_cx_connect_fail", connections.connectFailures);
    sheet.counter(scope, "upstream_cx_connect_timeout", connections.connectTimeouts);
    sheet.counter(scope, "upstream_cx_overflow", overflows.connections);
    sheet.gauge(scope, "upstream_rq_active", requests.active);
    sheet.gauge(scope, "upstream_rq_pending_active", requests.pending);
    sheet.counter(scope, "upstream_rq_pending_overflow", overflows.pending + overflows.requests);
    sheet.counter(scope, "upstream_rq_retry_overflow", overflows.retries);
    for (const priority of ["default", "high"] as const) {
      for (const [bound, stat] of OPEN_BOUNDS)
        sheet.gauge(scope, `circuit_breakers.${priority}.${stat}_open`, open[priority][bound] ? 1 : 0);
    }
    const { endpoints } = balancer;
    const ejected = endpoints.filter(({ state }) => state === "ejected").length;
    // Envoy's sums: what is ejected or fails its checks is neither healthy nor degraded, what drains is excluded.
    const ofHealth = (wanted: string): number =>
      endpoints.filter(({ state, health }) => state !== "ejected" && health === wanted).length;
    sheet.gauge(scope, "membership_total", endpoints.length);
    sheet.gauge(scope, "membership_healthy", ofHealth("healthy"));
    sheet.gauge(scope, "membership_degraded", ofHealth("degraded"));
    sheet.gauge(scope, "membership_excluded", ofHealth("draining"));
    sheet.gauge(scope, "outlier_detection.ejections_active", ejected);
    const own = ownClusterScope(name);
    sheet.gauge(own, "panic", balancer.panic ? 1 : 0);
    for (const endpoint of endpoints.slice(0, MAX_ENDPOINTS)) {
      const { address, weight, inFlight, errorRate, latencyMs } = endpoint;
      const labels = [["endpoint", address]] as const;
      sheet.gauge(own, "endpoint_weight", weight, labels, `endpoint.${address}.weight`);
      sheet.gauge(own, "endpoint_in_flight", inFlight, labels, `endpoint.${address}.in_flight`);
      sheet.gauge(own, "endpoint_error_rate", errorRate, labels, `endpoint.${address}.error_rate`);
      sheet.gauge(own, "endpoint_latency_ms", latencyMs, labels, `endpoint.${address}.latency_ms`);
      sheet.gauge(own, "endpoint_share", endpoint.share, labels, `endpoint.${address}.share`);
    }
  }
}
