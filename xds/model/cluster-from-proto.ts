import {
  type Cluster as ClusterProto,
  ClusterSchema,
  Cluster_CommonLbConfigSchema as CommonLbConfigSchema,
  type Cluster_TransportSocketMatch as TransportSocketMatch,
  Cluster_TransportSocketMatchSchema as TransportSocketMatchSchema,
  UpstreamConnectionOptionsSchema,
} from "../proto/gen/envoy/config/cluster/v3/cluster_pb.js";
import { TcpKeepaliveSchema } from "../proto/gen/envoy/config/core/v3/address_pb.js";
import type { TransportSocket } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import { UpstreamTlsContextSchema } from "../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { balancingOf } from "./balancing-from-proto.ts";
import { circuitBreakersOf } from "./circuit-breakers-from-proto.ts";
import type { Cluster } from "./cluster.ts";
import { discoveryOf } from "./discovery-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { healthCheckOf } from "./health-check-from-proto.ts";
import { HTTP1_OPTIONS } from "./http1-options-from-proto.ts";
import { outlierDetectionOf } from "./outlier-detection-from-proto.ts";
import { resourceType } from "./reading.ts";
import { durationMs, percentOf, textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import type { UpstreamTls } from "./tls.ts";
import { upstreamTlsOf } from "./tls-from-proto.ts";
import { wantedLabelsOf } from "./transport-labels-from-proto.ts";
import { tlsContextOf } from "./transport-socket-from-proto.ts";
import { HTTP1_IS_SPOKEN, type UpstreamHttp, upstreamHttpOf } from "./upstream-http-from-proto.ts";

const checkCluster = fieldCheck(ClusterSchema, {
  honoured: [
    "name",
    "alt_stat_name",
    "connect_timeout",
    "load_assignment",
    "health_checks",
    "max_requests_per_connection",
    "circuit_breakers",
    "common_http_protocol_options",
    "dns_refresh_rate",
    "respect_dns_ttl",
    "outlier_detection",
    "maglev_lb_config",
    "least_request_lb_config",
    "round_robin_lb_config",
    "common_lb_config",
    "transport_socket",
    "transport_socket_matches",
    "load_balancing_policy",
  ],
  partly: {
    type: "`EDS`, `STATIC`, `STRICT_DNS`, `LOGICAL_DNS`",
    eds_cluster_config: "`eds_config` must be `ads` or `self`",
    lb_policy: "`ROUND_ROBIN` is how unset looks on the wire and means the sidecar's default policy",
    ring_hash_lb_config: "`hash_function` must be `XX_HASH`",
    dns_lookup_family: "`AUTO` is `V4_PREFERRED`",
    upstream_http_protocol_options: "`auto_sni`, `auto_san_validation`",
    typed_extension_protocol_options: "`envoy.extensions.upstreams.http.v3.HttpProtocolOptions`",
    http_protocol_options: HTTP1_OPTIONS,
    http2_protocol_options: HTTP1_IS_SPOKEN,
    upstream_connection_options: "`tcp_keepalive.keepalive_time`",
    per_connection_buffer_limit_bytes: "up to 64 KiB, which no connection exceeds; with TLS always 64 KiB",
    lrs_server: "`self`, with a warning: load is not reported",
  },
  harmless: [
    "metadata",
    "wait_for_warm_on_init",
    "cleanup_interval",
    "track_timeout_budgets",
    "track_cluster_stats",
    "lrs_report_endpoint_metrics",
  ],
  refused: {
    cluster_type: "is not supported: use type EDS, STATIC, STRICT_DNS or LOGICAL_DNS",
    transport_socket_matcher: "is not supported: use transport_socket_matches",
    lb_subset_config: "is not supported: requests would go to endpoints outside their subset",
    original_dst_lb_config: "is not supported: ORIGINAL_DST clusters are not",
    filters: "is not supported: there are no filters towards an upstream",
    upstream_config: "is not supported: upstreams are reached over TCP",
  },
});
const checkCommonLb = fieldCheck(CommonLbConfigSchema, {
  honoured: [
    "healthy_panic_threshold",
    "zone_aware_lb_config",
    "locality_weighted_lb_config",
    "consistent_hashing_lb_config",
  ],
  harmless: ["update_merge_window", "override_host_status"],
});

const checkMatch = fieldCheck(TransportSocketMatchSchema, {
  honoured: ["name", "match", "transport_socket"],
});
const checkConnection = fieldCheck(UpstreamConnectionOptionsSchema, { honoured: ["tcp_keepalive"] });
const checkKeepalive = fieldCheck(TcpKeepaliveSchema, { honoured: ["keepalive_time"] });

const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_BUFFER_BYTES = 1_048_576;
const DEFAULT_PANIC_PERCENT = 50;

export const CLUSTER = resourceType<typeof ClusterSchema, Cluster>({
  schema: ClusterSchema,
  short: "cds",
  fullState: true,
  nameOf: (message) => message.name,
  read(scope, message) {
    checkCluster(scope, message);
    const { commonLbConfig: common, perConnectionBufferLimitBytes: bufferLimit } = message;
    if (common !== undefined) checkCommonLb(scope.at("common_lb_config"), common);
    if (bufferLimit === 0) {
      scope.at("per_connection_buffer_limit_bytes").warn("cannot be unbounded: every buffer has its bound");
    }
    loadReportsOf(scope, message);
    const { autoSni, autoSanValidation, ...http } = upstreamHttpOf(scope, message);
    const names = { autoSni, autoSanValidation };
    const discovery = discoveryOf(scope, message);
    const panic = percentOf(
      scope.at("common_lb_config"),
      "healthy_panic_threshold",
      common?.healthyPanicThreshold,
      DEFAULT_PANIC_PERCENT,
    );
    const healthChecks = message.healthChecks
      .map((check, index) => healthCheckOf(scope.at("health_checks").at(index), check))
      .filter((check) => check !== undefined);
    const rest = {
      name: textOf(scope, "name", message.name, "required"),
      connectTimeoutMs: durationMs(
        scope,
        "connect_timeout",
        message.connectTimeout,
        DEFAULT_CONNECT_TIMEOUT_MS,
        "positive",
      ),
      ...balancingOf(scope, message),
      panicThreshold: panic,
      circuitBreakers: circuitBreakersOf(scope.at("circuit_breakers"), message.circuitBreakers),
      outlierDetection: outlierDetectionOf(scope.at("outlier_detection"), message.outlierDetection),
      healthChecks,
      tls: tlsOf(scope.at("transport_socket"), message.transportSocket, names),
      tlsMatches: message.transportSocketMatches.map((match, index) =>
        tlsMatchOf(scope.at("transport_socket_matches").at(index), match, names),
      ),
      ...http,
      bufferLimitBytes: bufferLimit || DEFAULT_BUFFER_BYTES,
      tcpKeepaliveMs: keepaliveOf(scope.at("upstream_connection_options"), message),
      altStatName: textOf(scope, "alt_stat_name", message.altStatName),
    };
    return discovery && { ...rest, discovery };
  },
});

/** Load can only be reported to the server that sends the cluster; so far it is reported to none. */
function loadReportsOf(scope: Scope, { lrsServer }: ClusterProto): void {
  if (lrsServer === undefined) return;
  if (lrsServer.configSourceSpecifier.case === "self")
    scope.at("lrs_server").warn("has no effect: load is not reported");
  else scope.at("lrs_server").error("must be self");
}

type NameRules = Pick<UpstreamHttp, "autoSni" | "autoSanValidation">;

function tlsMatchOf(
  scope: Scope,
  message: TransportSocketMatch,
  names: NameRules,
): Cluster["tlsMatches"][number] {
  checkMatch(scope, message);
  textOf(scope, "name", message.name, "required");
  const { match = {}, transportSocket } = message;
  return {
    labels: wantedLabelsOf(scope.at("match"), match),
    tls: tlsOf(scope.at("transport_socket"), transportSocket, names),
  };
}

/** `auto_sni` and `auto_san_validation` stand with the HTTP options but steer the handshake. */
function tlsOf(
  scope: Scope,
  transportSocket: TransportSocket | undefined,
  { autoSni, autoSanValidation }: NameRules,
): UpstreamTls | undefined {
  const socket = tlsContextOf(scope, transportSocket, UpstreamTlsContextSchema);
  const tls = socket && upstreamTlsOf(socket.scope, socket.context);
  return (
    tls && {
      ...tls,
      autoHostSni: tls.autoHostSni || autoSni,
      autoSniSanValidation: tls.autoSniSanValidation || autoSanValidation,
    }
  );
}

/** Where keep-alive is asked for without a time, the system's two hours hold (tcp(7)). */
const SYSTEM_KEEPALIVE_SECONDS = 7_200;

function keepaliveOf(scope: Scope, { upstreamConnectionOptions: options }: ClusterProto): number | undefined {
  if (options === undefined) return undefined;
  checkConnection(scope, options);
  const { tcpKeepalive } = options;
  if (tcpKeepalive === undefined) return undefined;
  checkKeepalive(scope.at("tcp_keepalive"), tcpKeepalive);
  return (tcpKeepalive.keepaliveTime ?? SYSTEM_KEEPALIVE_SECONDS) * 1_000;
}
