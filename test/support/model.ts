import type { Cluster, Discovery, HealthCheck } from "../../xds/model/cluster.ts";
import type { ClusterLoadAssignment } from "../../xds/model/endpoint.ts";
import type { HttpFilter, Listener, RouteSource, TcpProxy } from "../../xds/model/listener.ts";
import type { RouteTable } from "../../xds/model/route-table.ts";
import { forward, host, match, route, table } from "./route-model.ts";

/** Model objects with every default filled in, for tests that look at a few fields only. */

const thresholds = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: undefined,
};

export function clusterModel(name: string, discovery: Discovery, changes: Partial<Cluster> = {}): Cluster {
  return {
    name,
    discovery,
    connectTimeoutMs: 5000,
    balancing: { kind: "default" },
    locality: {
      kind: "none",
      zoneRoutingEnabled: 100,
      zoneMinClusterSize: 6,
    },
    panicThreshold: 50,
    circuitBreakers: { default: thresholds, high: thresholds },
    outlierDetection: undefined,
    healthChecks: [],
    tls: undefined,
    tlsMatches: [],
    protocol: "http1",
    idleTimeoutMs: 3_600_000,
    maxRequestsPerConnection: 0,
    maxConnectionDurationMs: 0,
    bufferLimitBytes: 1024 * 1024,
    tcpKeepaliveMs: undefined,
    altStatName: "",
    ...changes,
  };
}

export function edsDiscovery(serviceName: string, initialFetchTimeoutMs = 15_000): Discovery {
  return { kind: "eds", serviceName, initialFetchTimeoutMs };
}

export function assignmentModel(clusterName: string, ...addresses: string[]): ClusterLoadAssignment {
  const endpoints = addresses.map((address) => {
    const [host = "", port] = address.split(":");
    return {
      host,
      port: Number(port),
      additionalAddresses: [],
      hostname: "",
      health: "healthy" as const,
      weight: 1,
      healthCheckPort: undefined,
      transportLabels: [],
    };
  });
  const locality = { region: "", zone: "", subZone: "", priority: 0, weight: undefined, endpoints };
  return {
    clusterName,
    localities: addresses.length === 0 ? [] : [locality],
    overprovisioningFactor: 140,
    drops: [],
  };
}

export function httpFilterModel(routes: RouteSource, changes: Partial<HttpFilter> = {}): HttpFilter {
  return {
    kind: "http",
    statPrefix: "test",
    codec: "auto",
    routes,
    streamIdleTimeoutMs: 300_000,
    requestTimeoutMs: 0,
    requestHeadersTimeoutMs: 10_000,
    idleTimeoutMs: 3_600_000,
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    maxRequestsPerConnection: 0,
    maxRequestHeadersBytes: 61_440,
    maxHeadersCount: 100,
    underscores: "allow",
    upgrades: new Set(),
    generateRequestId: true,
    preserveExternalRequestId: false,
    useRemoteAddress: false,
    xffTrustedHops: 0,
    skipXffAppend: false,
    via: "",
    normalizePath: true,
    mergeSlashes: false,
    escapedSlashes: "keep",
    randomSampling: undefined,
    fault: undefined,
    ...changes,
  };
}

/** Passes bytes to one cluster. */
export function tcpFilterModel(cluster: string, changes: Partial<TcpProxy> = {}): TcpProxy {
  return {
    kind: "tcp",
    statPrefix: cluster,
    clusters: [{ cluster, weight: 1 }],
    idleTimeoutMs: 60_000,
    maxConnectAttempts: 1,
    ...changes,
  };
}

/** Asks an endpoint for `/health` and wants a 200. */
export const HTTP_CHECK: HealthCheck["check"] = {
  kind: "http",
  host: "",
  path: "/health",
  method: "GET",
  headers: [],
  expectedStatuses: [],
  retriableStatuses: [],
  responseHeaders: [],
  http2: false,
};

export function listenerModel(
  name: string,
  routes: RouteSource,
  changes: Partial<HttpFilter> = {},
): Listener {
  return {
    name,
    address: { host: "127.0.0.1", port: 15001 },
    bufferLimitBytes: 1024 * 1024,
    backlog: undefined,
    tls: undefined,
    filter: httpFilterModel(routes, { statPrefix: name, ...changes }),
  };
}

/** A table that sends everything to the named clusters, one route each. */
export function routeTableModel(name: string, ...clusters: string[]): RouteTable {
  const routes = clusters.map((cluster) =>
    route(cluster, {
      match: match({ path: { kind: "prefix", value: `/${cluster}`, ignoreCase: false } }),
      action: forward({ cluster: { kind: "cluster", cluster } }),
    }),
  );
  return table([host(name, ["*"], { routes })], { name });
}
