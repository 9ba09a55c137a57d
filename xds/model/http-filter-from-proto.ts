import { HttpProtocolOptionsSchema } from "../proto/gen/envoy/config/core/v3/protocol_pb.js";
import {
  HttpConnectionManager_CodecType as CodecType,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpConnectionManager_TracingSchema as TracingSchema,
  HttpConnectionManager_UpgradeConfigSchema as UpgradeConfigSchema,
} from "../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { initialFetchTimeoutOf } from "./config-source.ts";
import { fieldCheck } from "./field-rules.ts";
import { httpFiltersOf } from "./http-filters-from-proto.ts";
import { checkHttp1Options, HTTP1_OPTIONS } from "./http1-options-from-proto.ts";
import type { HttpFilter, RouteSource } from "./listener.ts";
import { routeTableOf } from "./routes-from-proto.ts";
import { durationMs, inRange, percentOf, textOf, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import { upgradeTypeOf } from "./upgrade-from-proto.ts";

const checkManager = fieldCheck(HttpConnectionManagerSchema, {
  honoured: [
    "stat_prefix",
    "rds",
    "route_config",
    "tracing",
    "common_http_protocol_options",
    "max_request_headers_kb",
    "stream_idle_timeout",
    "request_timeout",
    "request_headers_timeout",
    "use_remote_address",
    "xff_num_trusted_hops",
    "skip_xff_append",
    "generate_request_id",
    "preserve_external_request_id",
    "upgrade_configs",
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
  ],
  partly: {
    codec_type: "HTTP/1.1 is spoken; HTTP2 gives a warning",
    via: "the name by which requests that come round again are noticed follows it as a comment",
    http_filters: "fault filters, then the router",
    http_protocol_options: HTTP1_OPTIONS,
  },
  // What they ask for is what happens anyway, or nothing that a caller sees.
  harmless: [
    "http1_safe_max_connection_duration",
    "proxy_100_continue",
    "stream_error_on_invalid_http_message",
    "access_log_options",
    "access_log_flush_interval",
    "flush_access_log_on_new_request",
  ],
  refused: {
    scoped_routes: "is not supported: use rds or route_config",
    http3_protocol_options: "is not supported: HTTP/3 is not spoken",
    strip_matching_host_port: "is not supported: use ignore_port_in_host_matching of the route configuration",
    strip_any_host_port: "is not supported: use ignore_port_in_host_matching of the route configuration",
    path_normalization_options: "is not supported: use normalize_path and merge_slashes",
  },
  instead: { access_log: "the sidecar's setting access_log writes a line per request" },
});
const checkCommon = fieldCheck(HttpProtocolOptionsSchema, {
  honoured: [
    "idle_timeout",
    "max_connection_duration",
    "max_headers_count",
    "max_stream_duration",
    "headers_with_underscores_action",
    "max_requests_per_connection",
  ],
  where: "of a listener",
});
const checkTracing = fieldCheck(TracingSchema, {
  honoured: ["random_sampling", "overall_sampling"],
  harmless: ["verbose"],
});
const checkUpgrade = fieldCheck(UpgradeConfigSchema, {
  honoured: ["upgrade_type", "enabled"],
  partly: { filters: "read, but faults of its own give a warning" },
});

const CODECS = ["auto", "http1", "http2"] as const;
const UNDERSCORES = ["allow", "reject", "drop"] as const;
/** The default of the implementation is the first. */
const ESCAPED_SLASHES = ["keep", "keep", "reject", "unescape_and_redirect", "unescape_and_forward"] as const;

const DEFAULT_STREAM_IDLE_MS = 300_000;
const DEFAULT_REQUEST_HEADERS_MS = 10_000;
const DEFAULT_IDLE_MS = 3_600_000;
const DEFAULT_HEADERS_KB = 60;
const MAX_HEADERS_KB = 8_192;
const DEFAULT_HEADERS_COUNT = 100;

/** Undefined after noting a problem. Defaults are those of http_connection_manager.proto, but for the head's timeout. */
export function httpFilterOf(scope: Scope, manager: HttpConnectionManager): HttpFilter | undefined {
  checkManager(scope, manager);
  if (manager.codecType === CodecType.HTTP2)
    scope.at("codec_type").warn("is not followed: requests are read as HTTP/1.1");
  checkHttp1Options(scope.at("http_protocol_options"), manager.httpProtocolOptions);
  const routes = routeSourceOf(scope, manager);
  const fault = httpFiltersOf(scope.at("http_filters"), manager.httpFilters);
  const rest = {
    kind: "http",
    statPrefix: textOf(scope, "stat_prefix", manager.statPrefix),
    codec: wordOf(scope, "codec_type", manager.codecType, CODECS),
    streamIdleTimeoutMs: durationMs(
      scope,
      "stream_idle_timeout",
      manager.streamIdleTimeout,
      DEFAULT_STREAM_IDLE_MS,
    ),
    requestTimeoutMs: durationMs(scope, "request_timeout", manager.requestTimeout, 0),
    requestHeadersTimeoutMs: durationMs(
      scope,
      "request_headers_timeout",
      manager.requestHeadersTimeout,
      DEFAULT_REQUEST_HEADERS_MS,
    ),
    ...connectionLimitsOf(scope.at("common_http_protocol_options"), manager),
    maxRequestHeadersBytes:
      inRange(
        scope,
        "max_request_headers_kb",
        manager.maxRequestHeadersKb,
        { min: 1, max: MAX_HEADERS_KB },
        DEFAULT_HEADERS_KB,
      ) * 1_024,
    upgrades: upgradesOf(scope.at("upgrade_configs"), manager),
    generateRequestId: manager.generateRequestId ?? true,
    preserveExternalRequestId: manager.preserveExternalRequestId,
    useRemoteAddress: manager.useRemoteAddress ?? false,
    xffTrustedHops: manager.xffNumTrustedHops,
    skipXffAppend: manager.skipXffAppend,
    via: viaOf(scope, manager.via),
    normalizePath: manager.normalizePath ?? false,
    mergeSlashes: manager.mergeSlashes,
    escapedSlashes: wordOf(
      scope,
      "path_with_escaped_slashes_action",
      manager.pathWithEscapedSlashesAction,
      ESCAPED_SLASHES,
    ),
    randomSampling: samplingOf(scope.at("tracing"), manager),
    fault,
  } as const;
  return routes && { ...rest, routes };
}

function routeSourceOf(scope: Scope, { routeSpecifier }: HttpConnectionManager): RouteSource | undefined {
  switch (routeSpecifier.case) {
    case "rds": {
      const place = scope.at("rds");
      const name = textOf(place, "route_config_name", routeSpecifier.value.routeConfigName, "required");
      const source = routeSpecifier.value.configSource;
      return {
        kind: "rds",
        name,
        initialFetchTimeoutMs: initialFetchTimeoutOf(place.at("config_source"), source),
      };
    }
    case "routeConfig":
      return { kind: "inline", table: routeTableOf(scope.at("route_config"), routeSpecifier.value) };
    case "scopedRoutes":
      return undefined;
    case undefined:
      scope.error("needs one of rds, route_config");
      return undefined;
  }
}

function connectionLimitsOf(scope: Scope, { commonHttpProtocolOptions: options }: HttpConnectionManager) {
  if (options !== undefined) checkCommon(scope, options);
  return {
    idleTimeoutMs: durationMs(scope, "idle_timeout", options?.idleTimeout, DEFAULT_IDLE_MS),
    maxConnectionDurationMs: durationMs(scope, "max_connection_duration", options?.maxConnectionDuration, 0),
    maxStreamDurationMs: durationMs(scope, "max_stream_duration", options?.maxStreamDuration, 0),
    maxRequestsPerConnection: options?.maxRequestsPerConnection ?? 0,
    maxHeadersCount: inRange(
      scope,
      "max_headers_count",
      options?.maxHeadersCount,
      { min: 1 },
      DEFAULT_HEADERS_COUNT,
    ),
    underscores: wordOf(
      scope,
      "headers_with_underscores_action",
      options?.headersWithUnderscoresAction ?? 0,
      UNDERSCORES,
    ),
  };
}

function upgradesOf(scope: Scope, { upgradeConfigs }: HttpConnectionManager): ReadonlySet<string> {
  const allowed = new Set<string>();
  upgradeConfigs.forEach((upgrade, index) => {
    const place = scope.at(index);
    checkUpgrade(place, upgrade);
    if (upgrade.filters.length > 0 && httpFiltersOf(place.at("filters"), upgrade.filters) !== undefined)
      place.at("filters").warn("has no effect: upgrades meet the listener's faults");
    const type = upgradeTypeOf(place, upgrade.upgradeType);
    if (upgrade.enabled ?? true) allowed.add(type);
  });
  return allowed;
}

/** It becomes a field of every message, so nothing may end the line. */
function viaOf(scope: Scope, via: string): string {
  textOf(scope, "via", via);
  if (/[\r\n\0]/.test(via)) scope.at("via").error("must not hold CR, LF or NUL");
  return via;
}

/** Both rates bound the share of traced requests; each is 100 % where it is unset. Without `tracing` the sidecar decides. */
function samplingOf(scope: Scope, { tracing }: HttpConnectionManager): number | undefined {
  if (tracing === undefined) return undefined;
  checkTracing(scope, tracing);
  const random = percentOf(scope, "random_sampling", tracing.randomSampling, 100);
  return Math.min(random, percentOf(scope, "overall_sampling", tracing.overallSampling, 100));
}
