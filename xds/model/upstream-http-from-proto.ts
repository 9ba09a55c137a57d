import type { Cluster as ClusterProto } from "../proto/gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  type HttpProtocolOptions as CommonOptions,
  HttpProtocolOptionsSchema as CommonOptionsSchema,
  type UpstreamHttpProtocolOptions,
  UpstreamHttpProtocolOptionsSchema,
} from "../proto/gen/envoy/config/core/v3/protocol_pb.js";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { openAnyAs } from "./any-from-proto.ts";
import type { Cluster } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { checkHttp1Options } from "./http1-options-from-proto.ts";
import { durationMs } from "./scalars.ts";
import type { Scope } from "./scope.ts";

/** What the reference page says of the fields that choose a protocol. */
export const HTTP1_IS_SPOKEN = "HTTP/1.1 is spoken; asking for HTTP/2 gives a warning";

const checkOptions = fieldCheck(HttpProtocolOptionsSchema, {
  honoured: ["common_http_protocol_options"],
  partly: {
    upstream_http_protocol_options: "`auto_sni`, `auto_san_validation`",
    explicit_http_config: HTTP1_IS_SPOKEN,
    auto_config: "HTTP/1.1 is spoken",
    use_downstream_protocol_config: "read as `auto_config`, with a warning",
  },
  refused: { http_filters: "is not supported: put filters on the listener" },
});
const checkSni = fieldCheck(UpstreamHttpProtocolOptionsSchema, {
  honoured: ["auto_sni", "auto_san_validation"],
});
const checkCommon = fieldCheck(CommonOptionsSchema, {
  honoured: ["idle_timeout", "max_connection_duration", "max_requests_per_connection"],
  where: "of a cluster",
});

/** The key under which Envoy's clusters carry their HTTP options. */
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const DEFAULT_IDLE_MS = 3_600_000;

export interface UpstreamHttp
  extends Pick<
    Cluster,
    "protocol" | "idleTimeoutMs" | "maxRequestsPerConnection" | "maxConnectionDurationMs"
  > {
  readonly autoSni: boolean;
  readonly autoSanValidation: boolean;
}

/** How HTTP is spoken to a cluster: its typed options, or where they are absent the deprecated fields of the cluster itself. */
export function upstreamHttpOf(scope: Scope, cluster: ClusterProto): UpstreamHttp {
  const place = scope.at("typed_extension_protocol_options");
  for (const key of Object.keys(cluster.typedExtensionProtocolOptions)) {
    if (key !== HTTP_OPTIONS) place.at(key).warn("is not supported and has no effect");
  }
  const any = Object.hasOwn(cluster.typedExtensionProtocolOptions, HTTP_OPTIONS)
    ? cluster.typedExtensionProtocolOptions[HTTP_OPTIONS]
    : undefined;
  const typed = any && openAnyAs(place.at(HTTP_OPTIONS), any, HttpProtocolOptionsSchema);
  if (typed === undefined) {
    checkHttp1Options(scope.at("http_protocol_options"), cluster.httpProtocolOptions);
    const protocol =
      cluster.http2ProtocolOptions === undefined ? "http1" : http2Of(scope.at("http2_protocol_options"));
    const { commonHttpProtocolOptions: common, upstreamHttpProtocolOptions: upstream } = cluster;
    return { protocol, ...limitsOf(scope, cluster, common), ...sniOf(scope, upstream) };
  }
  checkOptions(typed.scope, typed.message);
  return {
    protocol: protocolOf(typed.scope, typed.message),
    ...limitsOf(typed.scope, cluster, typed.message.commonHttpProtocolOptions),
    ...sniOf(typed.scope, typed.message.upstreamHttpProtocolOptions),
  };
}

function protocolOf(
  scope: Scope,
  { upstreamProtocolOptions: options }: HttpProtocolOptions,
): Cluster["protocol"] {
  switch (options.case) {
    case "explicitHttpConfig":
      switch (options.value.protocolConfig.case) {
        case "http2ProtocolOptions":
          return http2Of(scope.at("explicit_http_config").at("http2_protocol_options"));
        case "http3ProtocolOptions":
          scope
            .at("explicit_http_config")
            .at("http3_protocol_options")
            .error("is not supported: HTTP/3 is not spoken");
          return "http1";
        case "httpProtocolOptions":
          checkHttp1Options(
            scope.at("explicit_http_config").at("http_protocol_options"),
            options.value.protocolConfig.value,
          );
          return "http1";
        default:
          return "http1";
      }
    case "autoConfig":
      checkHttp1Options(
        scope.at("auto_config").at("http_protocol_options"),
        options.value.httpProtocolOptions,
      );
      if (options.value.http3ProtocolOptions) {
        scope.at("auto_config").at("http3_protocol_options").warn("is not supported and has no effect");
      }
      return "auto";
    case "useDownstreamProtocolConfig":
      scope
        .at("use_downstream_protocol_config")
        .warn("is read as auto_config: the upstream chooses the protocol");
      return "auto";
    case undefined:
      scope.error("needs one of explicit_http_config, auto_config");
      return "http1";
  }
}

/** In files it is for the bootstrap's reader to say: the cluster of a control server has to ask for HTTP/2, and to that it is spoken. */
function http2Of(scope: Scope): Cluster["protocol"] {
  if (scope.context.origin === "xds") scope.warn("is not followed: requests go out as HTTP/1.1");
  return "http2";
}

function limitsOf(scope: Scope, cluster: ClusterProto, options: CommonOptions | undefined) {
  const place = scope.at("common_http_protocol_options");
  if (options !== undefined) checkCommon(place, options);
  return {
    idleTimeoutMs: durationMs(place, "idle_timeout", options?.idleTimeout, DEFAULT_IDLE_MS),
    maxRequestsPerConnection: options?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
    maxConnectionDurationMs: durationMs(place, "max_connection_duration", options?.maxConnectionDuration, 0),
  };
}

function sniOf(scope: Scope, options: UpstreamHttpProtocolOptions | undefined) {
  if (options !== undefined) checkSni(scope.at("upstream_http_protocol_options"), options);
  return { autoSni: options?.autoSni ?? false, autoSanValidation: options?.autoSanValidation ?? false };
}
