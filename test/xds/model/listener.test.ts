import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { HttpFilter } from "../../../xds/model/listener.ts";
import { LISTENER } from "../../../xds/model/listener-from-proto.ts";
import { STATIC_CONTEXT } from "../../../xds/model/resource-type.ts";
import { accepted, changed, readBoth, testRefusals } from "./cases.ts";

const TYPE = "type.googleapis.com/envoy.extensions.filters";
const ROUTER = { name: "router", typed_config: { "@type": `${TYPE}.http.router.v3.Router` } };
const FAULT = {
  name: "fault",
  typed_config: {
    "@type": `${TYPE}.http.fault.v3.HTTPFault`,
    abort: { http_status: 503, percentage: { numerator: 10 } },
  },
};
const MANAGER: JsonObject = {
  "@type": `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
  stat_prefix: "egress",
  rds: { route_config_name: "outbound", config_source: { ads: {} } },
  http_filters: [ROUTER],
};
const BASE: JsonObject = {
  name: "egress",
  address: { socket_address: { address: "127.0.0.1", port_value: 15_001 } },
  filter_chains: [{ filters: [{ name: "http", typed_config: MANAGER }] }],
};
const CHAIN = "filter_chains[0]";
const FILTER = `${CHAIN}.filters[0]`;
const HTTP = `${FILTER}.typed_config`;

function http(set: Readonly<Record<string, JsonValue>>): HttpFilter {
  const { filter } = accepted(LISTENER, changed(BASE, set));
  assert.equal(filter.kind, "http");
  return filter as HttpFilter;
}

test("a bare HTTP listener has its defaults", () => {
  const listener = accepted(LISTENER, BASE);
  assert.deepEqual(listener.address, { host: "127.0.0.1", port: 15_001 });
  assert.deepEqual(
    [listener.bufferLimitBytes, listener.backlog, listener.tls],
    [1_048_576, undefined, undefined],
  );
  assert.deepEqual(listener.filter, {
    kind: "http",
    statPrefix: "egress",
    codec: "auto",
    streamIdleTimeoutMs: 300_000,
    requestTimeoutMs: 0,
    requestHeadersTimeoutMs: 10_000,
    idleTimeoutMs: 3_600_000,
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    maxRequestsPerConnection: 0,
    maxHeadersCount: 100,
    underscores: "allow",
    maxRequestHeadersBytes: 61_440,
    upgrades: new Set(),
    generateRequestId: true,
    preserveExternalRequestId: false,
    useRemoteAddress: false,
    xffTrustedHops: 0,
    skipXffAppend: false,
    via: "",
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: "keep",
    randomSampling: undefined,
    fault: undefined,
    routes: { kind: "rds", name: "outbound", initialFetchTimeoutMs: 15_000 },
  });
});

test("every setting of an HTTP listener reaches the model", () => {
  const filter = http({
    [HTTP]: {
      ...MANAGER,
      codec_type: "HTTP1",
      http_filters: [FAULT, ROUTER],
      common_http_protocol_options: {
        idle_timeout: "60s",
        max_connection_duration: "3600s",
        max_headers_count: 50,
        max_stream_duration: "30s",
        headers_with_underscores_action: "REJECT_REQUEST",
        max_requests_per_connection: 1_000,
      },
      max_request_headers_kb: 16,
      stream_idle_timeout: "0s",
      request_timeout: "20s",
      request_headers_timeout: "5s",
      use_remote_address: true,
      xff_num_trusted_hops: 2,
      skip_xff_append: true,
      via: "dashpot",
      generate_request_id: false,
      preserve_external_request_id: true,
      upgrade_configs: [{ upgrade_type: "WebSocket" }, { upgrade_type: "CONNECT", enabled: false }],
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: "REJECT_REQUEST",
      tracing: { random_sampling: { value: 50 }, overall_sampling: { value: 10 } },
    },
  });
  assert.equal(filter.fault?.abort?.status, 503);
  const { fault: _, routes: __, ...rest } = filter;
  assert.deepEqual(rest, {
    kind: "http",
    statPrefix: "egress",
    codec: "http1",
    streamIdleTimeoutMs: 0,
    requestTimeoutMs: 20_000,
    requestHeadersTimeoutMs: 5_000,
    idleTimeoutMs: 60_000,
    maxConnectionDurationMs: 3_600_000,
    maxStreamDurationMs: 30_000,
    maxRequestsPerConnection: 1_000,
    maxHeadersCount: 50,
    underscores: "reject",
    maxRequestHeadersBytes: 16_384,
    upgrades: new Set(["websocket"]),
    generateRequestId: false,
    preserveExternalRequestId: true,
    useRemoteAddress: true,
    xffTrustedHops: 2,
    skipXffAppend: true,
    via: "dashpot",
    normalizePath: true,
    mergeSlashes: true,
    escapedSlashes: "reject",
    randomSampling: 10,
  });
});

test("an API listener binds nothing and gives its routes", () => {
  const listener = accepted(LISTENER, { name: "orders", api_listener: { api_listener: MANAGER } });
  assert.equal(listener.address, undefined);
  assert.equal(listener.filter.kind === "http" && listener.filter.routes.kind, "rds");
});

test("inline routes are read like a route configuration", () => {
  const { rds: _, ...manager } = MANAGER;
  const table = {
    virtual_hosts: [
      { name: "a", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "a" } }] },
    ],
  };
  const { routes } = http({ [HTTP]: { ...manager, route_config: table } });
  assert.equal(routes.kind === "inline" && routes.table.virtualHosts[0]?.name, "a");
});

test("a TCP listener spreads connections over its clusters", () => {
  const proxy = {
    "@type": `${TYPE}.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: "db",
    weighted_clusters: {
      clusters: [
        { name: "a", weight: 1 },
        { name: "b", weight: 2 },
      ],
    },
    idle_timeout: "0s",
    max_connect_attempts: 3,
  };
  assert.deepEqual(accepted(LISTENER, changed(BASE, { [HTTP]: proxy })).filter, {
    kind: "tcp",
    statPrefix: "db",
    clusters: [
      { cluster: "a", weight: 1 },
      { cluster: "b", weight: 2 },
    ],
    idleTimeoutMs: 0,
    maxConnectAttempts: 3,
  });
});

test("a filter that is wrapped in a TypedStruct is read as what it wraps", () => {
  for (const wrapper of ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"]) {
    const { "@type": type, ...value } = MANAGER;
    const wrapped = { "@type": `type.googleapis.com/${wrapper}`, type_url: type ?? "", value };
    assert.equal(http({ [HTTP]: wrapped }).statPrefix, "egress");
  }
});

test("port 0 and no name are for static listeners alone", () => {
  const json = changed(BASE, { name: "", "address.socket_address.port_value": 0 });
  const listener = accepted(LISTENER, json, STATIC_CONTEXT);
  assert.deepEqual([listener.name, listener.address?.port], ["127.0.0.1:0", 0]);
  assert.deepEqual(
    readBoth(LISTENER, json).problems.map(({ path }) => path),
    ["address.socket_address.port_value"],
  );
});

test("the inspectors of TLS and HTTP are passed over", () => {
  accepted(LISTENER, changed(BASE, { listener_filters: [{ name: "envoy.filters.listener.tls_inspector" }] }));
  const typed = { name: "x", typed_config: { "@type": `${TYPE}.listener.http_inspector.v3.HttpInspector` } };
  accepted(LISTENER, changed(BASE, { listener_filters: [typed] }));
});

const GUARD = { name: "guard", typed_config: { "@type": "type.googleapis.com/example.v1.Guard", secret: 1 } };

testRefusals(LISTENER, BASE, [
  { title: "a listener without an address is refused", set: { address: {} }, error: "address: is required" },
  {
    title: "a listener that other hosts reach is told of",
    set: { "address.socket_address.address": "0.0.0.0" },
    warning: "address: is not a loopback address: other hosts can send through this sidecar",
  },
  {
    title: "a listener on a host name is refused",
    set: { "address.socket_address.address": "localhost" },
    error: "address.socket_address.address: must be an IP address",
  },
  {
    title: "port 0 is refused over xDS",
    set: { "address.socket_address.port_value": 0 },
    error: "address.socket_address.port_value: must be from 1",
  },
  {
    title: "a UDP listener is refused",
    set: { udp_listener_config: {} },
    error: "udp_listener_config: is not supported",
  },
  {
    title: "use_original_dst is refused",
    set: { use_original_dst: true },
    error: "use_original_dst: is not supported",
  },
  { title: "transparent is refused", set: { transparent: true }, error: "transparent: is not supported" },
  { title: "freebind is refused", set: { freebind: true }, error: "freebind: is not supported" },
  {
    title: "a listener that does not bind is refused",
    set: { bind_to_port: false },
    error: "bind_to_port: is not supported",
  },
  {
    title: "a listener without a filter chain is refused",
    set: { filter_chains: [] },
    error: "filter_chains: must hold a filter chain",
  },
  {
    title: "two filter chains are refused: one would be passed over",
    set: { "filter_chains[1]": { filters: [] } },
    error: "filter_chains: may hold one filter chain",
  },
  {
    title: "a filter chain match is refused",
    set: { [`${CHAIN}.filter_chain_match`]: { server_names: ["a"] } },
    error: `${CHAIN}.filter_chain_match.server_names: is not supported`,
  },
  {
    title: "two network filters are refused",
    set: { [`${CHAIN}.filters[1]`]: { name: "http", typed_config: MANAGER } },
    error: `${CHAIN}.filters: must hold exactly one filter`,
  },
  {
    title: "an unknown network filter is refused: it may guard what follows",
    set: { [FILTER]: GUARD },
    error: `${FILTER}: has the type example.v1.Guard, which is not supported as a network filter`,
  },
  {
    title: "an unknown listener filter is refused",
    set: { listener_filters: [GUARD] },
    error: "listener_filters[0]: has the type example.v1.Guard",
  },
  {
    title: "an unknown transport socket is refused: ignoring it would mean plaintext",
    set: { [`${CHAIN}.transport_socket`]: GUARD },
    error: `${CHAIN}.transport_socket.typed_config: has the type example.v1.Guard`,
  },
  {
    title: "a buffer without a bound is not taken over",
    set: { per_connection_buffer_limit_bytes: 0 },
    warning: "per_connection_buffer_limit_bytes: cannot be unbounded",
  },
  {
    title: "no routes are refused",
    set: { [HTTP]: { "@type": MANAGER["@type"]!, http_filters: [ROUTER] } },
    error: `${HTTP}: needs one of rds`,
  },
  {
    title: "RDS without a name is refused",
    set: { [`${HTTP}.rds.route_config_name`]: "" },
    error: `${HTTP}.rds.route_config_name: is required`,
  },
  {
    title: "RDS from elsewhere than the aggregated stream is refused",
    set: { [`${HTTP}.rds.config_source`]: { path: "/x" } },
    error: `${HTTP}.rds.config_source: must be ads or self`,
  },
  {
    title: "no HTTP filters are refused",
    set: { [`${HTTP}.http_filters`]: [] },
    error: `${HTTP}.http_filters: must end with the router`,
  },
  {
    title: "a chain that does not end with the router is refused",
    set: { [`${HTTP}.http_filters`]: [FAULT] },
    error: `${HTTP}.http_filters[0]: must be the router`,
  },
  {
    title: "a router before the end is refused",
    set: { [`${HTTP}.http_filters`]: [{ ...ROUTER, name: "first" }, ROUTER] },
    error: `${HTTP}.http_filters[0]: is the router, which must be the last filter`,
  },
  {
    title: "two filters of one name are refused",
    set: { [`${HTTP}.http_filters`]: [FAULT, FAULT, ROUTER] },
    error: `${HTTP}.http_filters[1].name: "fault" stands twice`,
  },
  {
    title: "an unknown HTTP filter is refused: it may guard what follows",
    set: { [`${HTTP}.http_filters`]: [GUARD, ROUTER] },
    error: `${HTTP}.http_filters[0]: has the type example.v1.Guard, which is not supported as an HTTP filter`,
  },
  {
    title: "an unknown HTTP filter that is optional gives a warning",
    set: { [`${HTTP}.http_filters`]: [{ ...GUARD, is_optional: true }, ROUTER] },
    warning: `${HTTP}.http_filters[0]: has the type example.v1.Guard`,
  },
  {
    title: "HTTP/2 from callers gives a warning",
    set: { [`${HTTP}.codec_type`]: "HTTP2" },
    warning: `${HTTP}.codec_type: is not followed: requests are read as HTTP/1.1`,
  },
  {
    title: "another spelling of field names gives a warning",
    set: { [`${HTTP}.http_protocol_options`]: { header_key_format: { proper_case_words: {} } } },
    warning: `${HTTP}.http_protocol_options.header_key_format: is not followed: field names pass as they came`,
  },
  {
    title: "HTTP/1 that is no longer a proxy's gives a warning",
    set: { [`${HTTP}.http_protocol_options`]: { accept_http_10: true, allow_absolute_url: false } },
    warning: `${HTTP}.http_protocol_options.allow_absolute_url: is not followed`,
  },
  {
    title: "HTTP/3 is refused",
    set: { [`${HTTP}.codec_type`]: "HTTP3" },
    error: `${HTTP}.codec_type: has a value that is not supported (3); supported: auto, http1, http2`,
  },
  {
    title: "stripping the port of the host is refused, with what to use",
    set: { [`${HTTP}.strip_matching_host_port`]: true },
    error: `${HTTP}.strip_matching_host_port: is not supported: use ignore_port_in_host_matching`,
  },
  {
    title: "access logs give a warning",
    set: { [`${HTTP}.access_log`]: [GUARD] },
    warning: `${HTTP}.access_log: is not supported and has no effect: the sidecar's setting access_log writes a line`,
  },
  {
    title: "a percentage over 100 is refused",
    set: { [`${HTTP}.tracing`]: { random_sampling: { value: 101 } } },
    error: `${HTTP}.tracing.random_sampling: must be from 0 to 100, not 101`,
  },
]);
