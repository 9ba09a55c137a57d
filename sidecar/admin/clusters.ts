import { splitAuthority } from "../../xds/common/host-port.ts";
import type { EndpointView } from "../balancing/balancer.ts";
import type { ConnectionCounts } from "../upstream/connection-tally.ts";
import type { ClusterView } from "../upstream/upstream-cluster.ts";

const NO_CONNECTIONS: ConnectionCounts = { active: 0, total: 0, connectFailures: 0, connectTimeouts: 0 };

/** `/clusters` as Envoy writes it, one fact per line, with Dashpot's facts under their own names. */
export function* clustersText(clusters: readonly ClusterView[]): Generator<string> {
  for (const cluster of clusters) {
    const { name, model, balancer } = cluster;
    const lines = [
      `${name}::observability_name::${model.altStatName || name}`,
      ...thresholds(name, "default", cluster),
      ...thresholds(name, "high", cluster),
      `${name}::added_via_api::${cluster.clusterVersion !== "static"}`,
      ...edsServiceName(cluster).map((service) => `${name}::eds_service_name::${service}`),
      `${name}::policy::${balancer.policy}`,
      `${name}::panic::${balancer.panic}`,
    ];
    yield block(lines);
    for (const endpoint of balancer.endpoints) {
      const { region, zone, subZone } = endpoint.place;
      const connections = cluster.endpointConnections.get(endpoint.address) ?? NO_CONNECTIONS;
      const facts: readonly (readonly [string, string | number])[] = [
        ["cx_active", connections.active],
        ["cx_connect_fail", connections.connectFailures],
        ["cx_total", connections.total],
        ["rq_active", endpoint.inFlight],
        ["rq_error", endpoint.failures],
        ["rq_success", endpoint.picks - endpoint.failures],
        ["rq_total", endpoint.picks],
        ["hostname", endpoint.hostname],
        ["health_flags", healthFlags(endpoint)],
        ["weight", endpoint.staticWeight],
        ["region", region],
        ["zone", zone],
        ["sub_zone", subZone],
        ["priority", endpoint.priority],
        ["success_rate", ((1 - endpoint.errorRate) * 100).toFixed(2)],
        ["state", endpoint.state],
        ["learned_weight", endpoint.weight.toFixed(4)],
        ["share", endpoint.share.toFixed(4)],
        ["latency_ms", endpoint.latencyMs.toFixed(2)],
        ["ejected_for_ms", Math.round(endpoint.ejectedForMs)],
      ];
      yield block(facts.map(([fact, value]) => `${name}::${endpoint.address}::${fact}::${value}`));
    }
  }
}

/** Names come from others; a line break in one must not make a fact of its own. */
function block(lines: readonly string[]): string {
  return `${lines.map((line) => line.replaceAll(/[\r\n]/g, " ")).join("\n")}\n`;
}

function thresholds(name: string, priority: "default" | "high", { model }: ClusterView): string[] {
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries } = model.circuitBreakers[priority];
  const prefix = `${name}::${priority}_priority`;
  return [
    `${prefix}::max_connections::${maxConnections}`,
    `${prefix}::max_pending_requests::${maxPendingRequests}`,
    `${prefix}::max_requests::${maxRequests}`,
    `${prefix}::max_retries::${maxRetries ?? "budget"}`,
  ];
}

function breakers(priority: "DEFAULT" | "HIGH", { model }: ClusterView): object {
  const own = model.circuitBreakers[priority === "HIGH" ? "high" : "default"];
  return {
    priority,
    max_connections: own.maxConnections,
    max_pending_requests: own.maxPendingRequests,
    max_requests: own.maxRequests,
    ...(own.maxRetries === undefined ? {} : { max_retries: own.maxRetries }),
  };
}

/** None, or the one under which the endpoints are asked for, where it is not the cluster's own name. */
function edsServiceName({ name, model: { discovery } }: ClusterView): readonly string[] {
  return discovery.kind === "eds" && discovery.serviceName !== name ? [discovery.serviceName] : [];
}

/** Envoy's words, separated by slashes; `healthy` where there is none. */
function healthFlags({ health, state, failsChecks }: EndpointView): string {
  const flags = [
    failsChecks ? "/failed_active_hc" : "",
    state === "ejected" ? "/failed_outlier_check" : "",
    health === "unhealthy" && !failsChecks ? "/failed_eds_health" : "",
    health === "degraded" ? "/degraded_eds_health" : "",
    health === "draining" ? "/eds_status_draining" : "",
  ].join("");
  return flags === "" ? "healthy" : flags;
}

/** `/clusters?format=json`: Envoy's `admin.v3.Clusters`, each host with everything that Dashpot knows of it under `dashpot`. */
export function clusterStatus(cluster: ClusterView): object {
  const { name, balancer, connections, requests, overflows } = cluster;
  return {
    name,
    added_via_api: cluster.clusterVersion !== "static",
    observability_name: cluster.model.altStatName || name,
    ...Object.fromEntries(edsServiceName(cluster).map((service) => ["eds_service_name", service])),
    circuit_breakers: { thresholds: [breakers("DEFAULT", cluster), breakers("HIGH", cluster)] },
    dashpot: {
      policy: balancer.policy,
      panic: balancer.panic,
      weights_generation: balancer.weightsGeneration,
      cluster_version: cluster.clusterVersion,
      endpoints_version: cluster.endpointsVersion,
      connections,
      requests,
      overflows,
    },
    host_statuses: balancer.endpoints.map((endpoint) => hostStatus(endpoint, cluster)),
  };
}

function hostStatus(endpoint: EndpointView, { endpointConnections }: ClusterView): object {
  const cx = endpointConnections.get(endpoint.address) ?? NO_CONNECTIONS;
  const { host, port } = splitAuthority(endpoint.address, 0);
  const { region, zone, subZone } = endpoint.place;
  return {
    address: { socket_address: { address: host, port_value: port } },
    stats: [
      { name: "cx_active", value: String(cx.active), type: "GAUGE" },
      { name: "cx_connect_fail", value: String(cx.connectFailures) },
      { name: "cx_total", value: String(cx.total) },
      { name: "rq_active", value: String(endpoint.inFlight), type: "GAUGE" },
      { name: "rq_error", value: String(endpoint.failures) },
      { name: "rq_success", value: String(endpoint.picks - endpoint.failures) },
      { name: "rq_total", value: String(endpoint.picks) },
    ],
    health_status: {
      eds_health_status: endpoint.failsChecks ? "UNKNOWN" : endpoint.health.toUpperCase(),
      failed_outlier_check: endpoint.state === "ejected",
      failed_active_health_check: endpoint.failsChecks,
    },
    hostname: endpoint.hostname,
    success_rate: { value: (1 - endpoint.errorRate) * 100 },
    weight: endpoint.staticWeight,
    locality: { region, zone, sub_zone: subZone },
    priority: endpoint.priority,
    dashpot: endpoint,
  };
}
