import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { STATIC_CONTEXT } from "../../../xds/model/resource-type.ts";
import { accepted, changed, testRefusals } from "./cases.ts";

const BASE: JsonObject = { name: "orders", type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } };
const ENDPOINT = { endpoint: { address: { socket_address: { address: "10.0.0.1", port_value: 80 } } } };
const NAMED = { endpoint: { address: { socket_address: { address: "db.example", port_value: 80 } } } };
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const OPTIONS = `typed_extension_protocol_options["${HTTP_OPTIONS}"]`;

function assignment(...endpoints: JsonObject[]): JsonObject {
  return { endpoints: [{ lb_endpoints: endpoints }] };
}

test("a bare EDS cluster has its defaults", () => {
  const thresholds = {
    maxConnections: 1_024,
    maxPendingRequests: 1_024,
    maxRequests: 1_024,
    maxRetries: undefined,
    retryBudget: { percent: 20, minConcurrency: 3 },
  };
  assert.deepEqual(accepted(CLUSTER, BASE), {
    name: "orders",
    discovery: { kind: "eds", serviceName: "orders", initialFetchTimeoutMs: 15_000 },
    connectTimeoutMs: 5_000,
    balancing: { kind: "default" },
    locality: { kind: "none", zoneRoutingEnabled: 100, zoneMinClusterSize: 6 },
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
    bufferLimitBytes: 1_048_576,
    tcpKeepaliveMs: undefined,
    altStatName: "",
  });
});

test("every setting of a cluster that is honoured reaches the model", () => {
  const cluster = accepted(
    CLUSTER,
    changed(BASE, {
      alt_stat_name: "o",
      "eds_cluster_config.service_name": "orders-v2",
      "eds_cluster_config.eds_config": { self: {}, initial_fetch_timeout: "0s" },
      connect_timeout: "0.25s",
      per_connection_buffer_limit_bytes: 32_768,
      common_lb_config: {
        healthy_panic_threshold: { value: 0 },
        zone_aware_lb_config: { min_cluster_size: "3" },
      },
      "circuit_breakers.thresholds": [
        { max_connections: 10, max_pending_requests: 0, max_requests: 20, max_retries: 4 },
        { priority: "HIGH", retry_budget: { budget_percent: { value: 50 } } },
        { max_connections: 99 },
      ],
      upstream_connection_options: { tcp_keepalive: { keepalive_time: 30 } },
      [OPTIONS]: {
        "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
        common_http_protocol_options: {
          idle_timeout: "10s",
          max_requests_per_connection: 5,
          max_connection_duration: "60s",
        },
        auto_config: {},
      },
    }),
  );
  assert.deepEqual(cluster.discovery, { kind: "eds", serviceName: "orders-v2", initialFetchTimeoutMs: 0 });
  assert.deepEqual(
    [cluster.altStatName, cluster.connectTimeoutMs, cluster.bufferLimitBytes],
    ["o", 250, 32_768],
  );
  assert.deepEqual(
    [cluster.panicThreshold, cluster.locality.kind, cluster.locality.zoneMinClusterSize],
    [0, "zone_aware", 3],
  );
  assert.deepEqual(cluster.circuitBreakers.default, {
    maxConnections: 10,
    maxPendingRequests: 0,
    maxRequests: 20,
    maxRetries: 4,
    retryBudget: undefined,
  });
  assert.deepEqual(cluster.circuitBreakers.high.retryBudget, { percent: 50, minConcurrency: 3 });
  assert.equal(cluster.circuitBreakers.high.maxRetries, undefined);
  assert.deepEqual(
    [
      cluster.protocol,
      cluster.idleTimeoutMs,
      cluster.maxRequestsPerConnection,
      cluster.maxConnectionDurationMs,
    ],
    ["auto", 10_000, 5, 60_000],
  );
  assert.equal(cluster.tcpKeepaliveMs, 30_000);
});

test("the upstream protocol is read from the typed options and from the deprecated fields", () => {
  const typed = (config: JsonObject) => ({
    [OPTIONS]: { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, explicit_http_config: config },
  });
  const protocol = (set: JsonObject) => accepted(CLUSTER, changed(BASE, set), STATIC_CONTEXT).protocol;
  assert.equal(protocol(typed({ http_protocol_options: {} })), "http1");
  assert.equal(protocol(typed({ http2_protocol_options: {} })), "http2");
  assert.equal(protocol({ http2_protocol_options: {} }), "http2");
});

test("static and DNS clusters carry their endpoints", () => {
  const fixed = accepted(CLUSTER, {
    name: "a",
    type: "STATIC",
    load_assignment: assignment(ENDPOINT),
  }).discovery;
  assert.ok(fixed.kind === "static");
  assert.equal(fixed.assignment.clusterName, "a");
  assert.equal(fixed.assignment.localities[0]?.endpoints[0]?.host, "10.0.0.1");
  const dns = accepted(CLUSTER, {
    name: "a",
    type: "STRICT_DNS",
    load_assignment: assignment(NAMED),
    dns_refresh_rate: "1s",
    respect_dns_ttl: true,
    dns_lookup_family: "V6_ONLY",
  }).discovery;
  assert.ok(dns.kind === "dns");
  assert.deepEqual(
    [dns.logical, dns.refreshMs, dns.respectTtl, dns.families],
    [false, 1_000, true, "v6_only"],
  );
  const logical = accepted(CLUSTER, {
    name: "a",
    type: "LOGICAL_DNS",
    load_assignment: assignment(NAMED),
  }).discovery;
  assert.equal(logical.kind === "dns" && logical.logical, true);
});

test("outlier detection has the defaults of Envoy, and its factor is divided", () => {
  assert.deepEqual(accepted(CLUSTER, changed(BASE, { outlier_detection: {} })).outlierDetection, {
    consecutive5xx: 5,
    enforcingConsecutive5xx: 100,
    consecutiveGatewayFailure: 5,
    enforcingConsecutiveGatewayFailure: 0,
    splitExternalLocalOriginErrors: false,
    consecutiveLocalOriginFailure: 5,
    enforcingConsecutiveLocalOriginFailure: 100,
    enforcingLocalOriginSuccessRate: 100,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    maxEjectionJitterMs: 0,
    maxEjectionPercent: 10,
    alwaysEjectOneHost: false,
    enforcingSuccessRate: 100,
    successRateMinimumHosts: 5,
    successRateRequestVolume: 100,
    successRateStdevFactor: 1.9,
    failurePercentageThreshold: 85,
    enforcingFailurePercentage: 0,
    enforcingFailurePercentageLocalOrigin: 0,
    failurePercentageMinimumHosts: 5,
    failurePercentageRequestVolume: 50,
    activeHealthCheckUnejects: true,
  });
});

const CHECK = { timeout: "1s", interval: "5s", unhealthy_threshold: 3, healthy_threshold: 2 };

test("HTTP and TCP health checks reach the model", () => {
  const { healthChecks } = accepted(
    CLUSTER,
    changed(BASE, {
      health_checks: [
        {
          ...CHECK,
          unhealthy_interval: "2s",
          http_health_check: {
            path: "/healthz",
            host: "h",
            method: "HEAD",
            expected_statuses: [{ start: "200", end: "300" }],
            request_headers_to_add: [{ header: { key: "X", value: "1%%" } }],
            service_name_matcher: { prefix: "orders" },
          },
        },
        { ...CHECK, tcp_health_check: { send: { text: "00ff" }, receive: [{ text: "AA" }] } },
      ],
    }),
  );
  const [http, tcp] = healthChecks;
  assert.deepEqual(
    [
      http?.timeoutMs,
      http?.intervalMs,
      http?.unhealthyIntervalMs,
      http?.unhealthyEdgeIntervalMs,
      http?.healthyEdgeIntervalMs,
    ],
    [1_000, 5_000, 2_000, 2_000, 5_000],
  );
  assert.ok(http?.check.kind === "http");
  assert.deepEqual([http.check.method, http.check.path], ["HEAD", "/healthz"]);
  assert.deepEqual(http.check.headers, [["x", "1%"]]);
  assert.deepEqual(http.check.expectedStatuses, [[200, 300]]);
  assert.equal(http.check.responseHeaders[0]?.name, "x-envoy-upstream-healthchecked-cluster");
  assert.ok(tcp?.check.kind === "tcp");
  assert.deepEqual([[...tcp.check.send], [...tcp.check.receive[0]!]], [[0, 255], [170]]);
});

test("a health check over gRPC reaches the model", () => {
  const grpc = {
    service_name: "shop.Orders",
    authority: "orders.test",
    initial_metadata: [{ header: { key: "X-Team", value: "a" } }],
  };
  const { healthChecks } = accepted(
    CLUSTER,
    changed(BASE, { health_checks: [{ ...CHECK, grpc_health_check: grpc }] }),
  );
  assert.deepEqual(healthChecks[0]?.check, {
    kind: "grpc",
    serviceName: "shop.Orders",
    authority: "orders.test",
    metadata: [["x-team", "a"]],
  });
});

const DETECTION = [
  "enforcing_consecutive_5xx",
  "max_ejection_percent",
  "enforcing_success_rate",
  "failure_percentage_threshold",
];

testRefusals(CLUSTER, { name: "all" }, [
  {
    title: "an aggregate cluster is refused",
    set: { cluster_type: { name: "envoy.clusters.aggregate" } },
    error: "cluster_type: is not supported",
  },
]);

testRefusals(CLUSTER, BASE, [
  {
    title: "keep-alive probes other than their beginning give a warning",
    set: { upstream_connection_options: { tcp_keepalive: { keepalive_probes: 3 } } },
    warning: "upstream_connection_options.tcp_keepalive.keepalive_probes: is not supported and has no effect",
  },
  {
    title: "another header for the server name gives a warning",
    set: { upstream_http_protocol_options: { override_auto_sni_header: "x-host" } },
    warning: "upstream_http_protocol_options.override_auto_sni_header: is not supported and has no effect",
  },
  {
    title: "HTTP/2 to an upstream gives a warning",
    set: { http2_protocol_options: {} },
    warning: "http2_protocol_options: is not followed: requests go out as HTTP/1.1",
  },
  {
    title: "an option of HTTP/1 that is not followed gives a warning",
    set: { http_protocol_options: { enable_trailers: true, send_fully_qualified_url: true } },
    warning: "http_protocol_options.send_fully_qualified_url: is not supported and has no effect",
  },
  {
    title: "a health check over HTTP/2 gives a warning",
    set: { health_checks: [{ ...CHECK, http_health_check: { path: "/", codec_client_type: "HTTP2" } }] },
    warning: "health_checks[0].http_health_check.codec_client_type: is not followed",
  },
  {
    title: "a cluster without a name is refused",
    set: { name: "", "eds_cluster_config.service_name": "a" },
    error: "name: is required",
  },
  {
    title: "an ORIGINAL_DST cluster is refused",
    set: { type: "ORIGINAL_DST" },
    error: "type: must be EDS, STATIC",
  },
  {
    title: "EDS from elsewhere than the aggregated stream is refused",
    set: { "eds_cluster_config.eds_config": { path: "/x" } },
    error: "eds_cluster_config.eds_config: must be ads or self",
  },
  {
    title: "an EDS cluster with endpoints of its own is refused",
    set: { load_assignment: assignment(ENDPOINT) },
    error: "load_assignment: must not be set",
  },
  {
    title: "a static cluster without endpoints is refused",
    set: { type: "STATIC" },
    error: "load_assignment: is required",
  },
  {
    title: "a host name in a static cluster is refused",
    set: { type: "STATIC", load_assignment: assignment(NAMED) },
    error:
      "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: must be an IP address",
  },
  {
    title: "two endpoints in a LOGICAL_DNS cluster are refused",
    set: { type: "LOGICAL_DNS", load_assignment: assignment(NAMED, ENDPOINT) },
    error: "load_assignment.endpoints: must hold exactly one endpoint",
  },
  {
    title: "a connect timeout of 0 is refused",
    set: { connect_timeout: "0s" },
    error: "connect_timeout: must be longer than 0s",
  },
  {
    title: "a negative duration is refused",
    set: { connect_timeout: "-1s" },
    error: "connect_timeout: must be a duration from 0s",
  },
  {
    title: "subset balancing is refused: requests would leave their subset",
    set: { lb_subset_config: {} },
    error: "lb_subset_config: is not supported",
  },
  {
    title: "a transport socket match needs a name",
    set: { transport_socket_matches: [{ match: {} }] },
    error: "transport_socket_matches[0].name: is required",
  },
  {
    title: "a transport socket match can ask for single values only",
    set: { transport_socket_matches: [{ name: "x", match: { tls: ["a"] } }] },
    error: "transport_socket_matches[0].match.tls: must be text, a number or a boolean",
  },
  {
    title: "a transport socket that is chosen by a tree of matchers is refused",
    set: { transport_socket_matcher: {} },
    error: "transport_socket_matcher: is not supported",
  },
  {
    title: "network filters towards an upstream are refused",
    set: { filters: [{ name: "x" }] },
    error: "filters: is not supported",
  },
  {
    title: "load reports to another server are refused",
    set: { lrs_server: { ads: {} } },
    error: "lrs_server: must be self",
  },
  {
    title: "load reports to the same server give a warning",
    set: { lrs_server: { self: {} } },
    warning: "lrs_server: has no effect",
  },
  {
    title: "HTTP/3 upstreams are refused",
    set: {
      [OPTIONS]: {
        "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
        explicit_http_config: { http3_protocol_options: {} },
      },
    },
    error: `${OPTIONS}.explicit_http_config.http3_protocol_options: is not supported`,
  },
  {
    title: "a custom health check is refused",
    set: { health_checks: [{ ...CHECK, custom_health_check: { name: "x" } }] },
    error: "health_checks[0].custom_health_check: is not supported",
  },
  {
    title: "a health check without an interval is refused",
    set: { health_checks: [{ ...CHECK, interval: null, tcp_health_check: {} }] },
    error: "health_checks[0].interval: is required",
  },
  {
    title: "a health check's path must start with a slash",
    set: { health_checks: [{ ...CHECK, http_health_check: { path: "x" } }] },
    error: 'health_checks[0].http_health_check.path: must start with "/"',
  },
  {
    title: "a body that a health check waits for is refused: wrong answers would count as healthy",
    set: { health_checks: [{ ...CHECK, http_health_check: { path: "/", receive: [{ text: "00" }] } }] },
    error: "health_checks[0].http_health_check.receive: is not supported",
  },
  {
    title: "an empty range of statuses is refused",
    set: {
      health_checks: [
        { ...CHECK, http_health_check: { path: "/", expected_statuses: [{ start: "300", end: "200" }] } },
      ],
    },
    error: "health_checks[0].http_health_check.expected_statuses[0]: must be a half-open range",
  },
  ...DETECTION.map((field) => ({
    title: `${field} over 100 is refused`,
    set: { [`outlier_detection.${field}`]: 101 },
    error: `outlier_detection.${field}: must be from 0 to 100, not 101`,
  })),
  {
    title: "an interval of outlier detection of 0 is refused",
    set: { "outlier_detection.interval": "0s" },
    error: "outlier_detection.interval: must be longer than 0s",
  },
  {
    title: "a negative panic threshold is refused",
    set: { "common_lb_config.healthy_panic_threshold": { value: -1 } },
    error: "common_lb_config.healthy_panic_threshold: must be from 0 to 100, not -1",
  },
  {
    title: "a preconnect policy gives a warning",
    set: { preconnect_policy: {} },
    warning: "preconnect_policy: is not supported",
  },
]);
