import { isMessage } from "@bufbuild/protobuf";
import { isLoopbackAddress } from "../common/loopback.ts";
import {
  type Filter,
  type FilterChain,
  FilterChainMatchSchema,
  FilterChainSchema,
  type ListenerFilter,
} from "../proto/gen/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Listener as ListenerProto,
  ListenerSchema,
} from "../proto/gen/envoy/config/listener/v3/listener_pb.js";
import { HttpInspectorSchema } from "../proto/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { TlsInspectorSchema } from "../proto/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { HttpConnectionManagerSchema } from "../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { TcpProxySchema } from "../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { DownstreamTlsContextSchema } from "../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { addressOf } from "./address-from-proto.ts";
import { openAny, openAnyAs } from "./any-from-proto.ts";
import { endpointAddress } from "./endpoint.ts";
import { fieldCheck } from "./field-rules.ts";
import { httpFilterOf } from "./http-filter-from-proto.ts";
import type { HttpFilter, Listener, TcpProxy } from "./listener.ts";
import { resourceType } from "./reading.ts";
import { textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import { tcpProxyOf } from "./tcp-proxy-from-proto.ts";
import type { DownstreamTls } from "./tls.ts";
import { downstreamTlsOf } from "./tls-from-proto.ts";
import { tlsContextOf } from "./transport-socket-from-proto.ts";

const NOT_TRANSPARENT = "is not supported: Dashpot accepts connections to its own address";

const checkListener = fieldCheck(ListenerSchema, {
  honoured: ["name", "address", "default_filter_chain", "tcp_backlog_size", "api_listener"],
  partly: {
    per_connection_buffer_limit_bytes: "up to 64 KiB, which no connection exceeds; with TLS always 64 KiB",
    filter_chains: "one, without conditions",
    listener_filters: "only the TLS and HTTP inspectors, which change nothing here",
    use_original_dst: "only `false`",
    transparent: "only `false`",
    freebind: "only `false`",
    bind_to_port: "only `true`",
    deprecated_v1: "only `bind_to_port: true`",
  },
  harmless: [
    "metadata",
    "stat_prefix",
    "traffic_direction",
    "drain_type",
    "listener_filters_timeout",
    "continue_on_listener_filters_timeout",
    "enable_reuse_port",
    "reuse_port",
    "connection_balance_config",
    "max_connections_to_accept_per_socket_event",
    "ignore_global_conn_limit",
    "bypass_overload_manager",
  ],
  refused: {
    additional_addresses: "is not supported: use one listener for each address",
    fcds_config: "is not supported: list the filter chain here",
    filter_chain_matcher: "is not supported: use one filter chain without a match",
    udp_listener_config: "is not supported: listeners accept TCP",
    internal_listener: "is not supported: use an address",
  },
});
const checkChain = fieldCheck(FilterChainSchema, {
  honoured: ["transport_socket"],
  partly: {
    filter_chain_match: "only when empty",
    filters: "one: an `HttpConnectionManager` or a `TcpProxy`",
    use_proxy_proto: "only `false`",
  },
  harmless: ["metadata", "name"],
});
const ONE_CHAIN = "is not supported: one filter chain takes every connection";
const checkChainMatch = fieldCheck(FilterChainMatchSchema, {
  honoured: [],
  refused: Object.fromEntries(FilterChainMatchSchema.fields.map((field) => [field.name, ONE_CHAIN])),
});

const DEFAULT_BUFFER_BYTES = 1_048_576;

export const LISTENER = resourceType<typeof ListenerSchema, Listener>({
  schema: ListenerSchema,
  short: "lds",
  fullState: true,
  nameOf: listenerName,
  read(scope, message) {
    checkListener(scope, message);
    refuseInterception(scope, message);
    textOf(scope, "name", listenerName(message), "required");
    const { apiListener, perConnectionBufferLimitBytes: bufferLimit } = message;
    if (bufferLimit === 0) {
      scope.at("per_connection_buffer_limit_bytes").warn("cannot be unbounded: every buffer has its bound");
    }
    const served =
      apiListener === undefined
        ? servedOverPort(scope, message)
        : {
            filter: apiFilterOf(scope.at("api_listener").at("api_listener"), apiListener.apiListener),
            ...NO_PORT,
          };
    if (served?.filter === undefined) return undefined;
    return {
      name: listenerName(message),
      bufferLimitBytes: bufferLimit || DEFAULT_BUFFER_BYTES,
      backlog: message.tcpBacklogSize,
      ...served,
      filter: served.filter,
    };
  },
});

const NO_PORT = { address: undefined, tls: undefined };

/** A listener of a static file may go without a name; it is then called by its address. */
function listenerName({ name, address }: ListenerProto): string {
  if (name !== "" || address?.address.case !== "socketAddress") return name;
  const socket = address.address.value;
  return endpointAddress(socket.address, Number(socket.portSpecifier.value ?? 0));
}

function refuseInterception(scope: Scope, message: ListenerProto): void {
  if (message.useOriginalDst) scope.at("use_original_dst").error(NOT_TRANSPARENT);
  if (message.transparent) scope.at("transparent").error(NOT_TRANSPARENT);
  if (message.freebind)
    scope.at("freebind").error("is not supported: the address must be one of this machine's");
  if (message.bindToPort === false) scope.at("bind_to_port").error(NOT_TRANSPARENT);
  if (message.deprecatedV1?.bindToPort === false) {
    scope.at("deprecated_v1").at("bind_to_port").error(NOT_TRANSPARENT);
  }
  listenerFiltersHarmless(scope.at("listener_filters"), message.listenerFilters);
}

/** Inspectors only look ahead at what the listener finds out by itself; any other filter may change or refuse connections. */
function listenerFiltersHarmless(scope: Scope, filters: readonly ListenerFilter[]): void {
  filters.forEach((filter, index) => {
    const place = scope.at(index);
    if (filter.configType.case === undefined && HARMLESS_LISTENER_FILTERS.has(filter.name)) return;
    const typed = filter.configType.case === "typedConfig" ? filter.configType.value : undefined;
    const content = openAny(place.at("typed_config"), typed);
    if (
      content === undefined ||
      isMessage(content.kind === "message" ? content.message : undefined, TlsInspectorSchema)
    )
      return;
    if (content.kind === "message" && isMessage(content.message, HttpInspectorSchema)) return;
    place.error(`has the type ${content.type}, which is not supported as a listener filter`);
  });
}

const HARMLESS_LISTENER_FILTERS = new Set([
  "envoy.filters.listener.tls_inspector",
  "envoy.filters.listener.http_inspector",
]);

type Served = Pick<Listener, "address" | "tls"> & { readonly filter: Listener["filter"] | undefined };

function servedOverPort(scope: Scope, message: ListenerProto): Served | undefined {
  const address = addressOf(scope.at("address"), message.address, {
    host: "ip",
    portZero: scope.context.origin === "static" ? "allowed" : "refused",
  });
  if (address !== undefined && !isLoopbackAddress(address.host)) {
    const told =
      "is not a loopback address: other hosts can send through this sidecar, as the service beside it";
    scope.at("address").warn(told);
  }
  const [chain, place] = onlyChain(scope, message);
  if (chain === undefined) return undefined;
  const served = { tls: chainTlsOf(place, chain), filter: chainFilterOf(place.at("filters"), chain.filters) };
  return address && { address, ...served };
}

/** Picking the first of several chains in silence would leave the rest of the listener's rules unheeded. */
function onlyChain(
  scope: Scope,
  message: ListenerProto,
): readonly [chain: FilterChain | undefined, place: Scope] {
  const { filterChains, defaultFilterChain } = message;
  const place = scope.at("filter_chains");
  if (filterChains.length === 0 && defaultFilterChain)
    return [defaultFilterChain, scope.at("default_filter_chain")];
  if (filterChains.length === 0) place.error("must hold a filter chain");
  if (filterChains.length > 1 || defaultFilterChain)
    place.error("may hold one filter chain, which takes every connection");
  return [filterChains[0], place.at(0)];
}

function chainTlsOf(scope: Scope, chain: FilterChain): DownstreamTls | undefined {
  checkChain(scope, chain);
  if (chain.filterChainMatch) checkChainMatch(scope.at("filter_chain_match"), chain.filterChainMatch);
  if (chain.useProxyProto) scope.at("use_proxy_proto").error("is not supported");
  const tls = tlsContextOf(scope.at("transport_socket"), chain.transportSocket, DownstreamTlsContextSchema);
  return tls && downstreamTlsOf(tls.scope, tls.context);
}

/** One filter that ends the chain; a filter before it may guard it, so none is passed over. */
function chainFilterOf(scope: Scope, filters: readonly Filter[]): HttpFilter | TcpProxy | undefined {
  if (filters.length !== 1) {
    scope.error(
      `must hold exactly one filter, ${HttpConnectionManagerSchema.typeName} or ${TcpProxySchema.typeName}`,
    );
  }
  let found: HttpFilter | TcpProxy | undefined;
  filters.forEach((filter, index) => {
    found = networkFilterOf(scope.at(index), filter) ?? found;
  });
  return found;
}

function networkFilterOf(scope: Scope, { configType }: Filter): HttpFilter | TcpProxy | undefined {
  if (configType.case === "configDiscovery") {
    scope.at("config_discovery").error("is not supported: give typed_config");
    return undefined;
  }
  const content = openAny(scope.at("typed_config"), configType.value);
  if (content === undefined) return undefined;
  const message = content.kind === "message" ? content.message : undefined;
  if (isMessage(message, HttpConnectionManagerSchema)) return httpFilterOf(content.scope, message);
  if (isMessage(message, TcpProxySchema)) return tcpProxyOf(content.scope, message);
  scope.error(`has the type ${content.type}, which is not supported as a network filter`);
  return undefined;
}

function apiFilterOf(scope: Scope, any: Parameters<typeof openAny>[1]): HttpFilter | undefined {
  const manager = openAnyAs(scope, any, HttpConnectionManagerSchema);
  return manager && httpFilterOf(manager.scope, manager.message);
}
