import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { MODEL_LIMITS, XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import type { Route, RouteAction } from "../../../xds/model/route-table.ts";
import { ROUTE_CONFIGURATION } from "../../../xds/model/routes-from-proto.ts";
import { accepted, changed, type RefusalCase, readBoth, testRefusals } from "./cases.ts";

const BASE: JsonObject = {
  name: "outbound",
  virtual_hosts: [
    {
      name: "orders",
      domains: ["orders"],
      routes: [{ match: { prefix: "/" }, route: { cluster: "orders" } }],
    },
  ],
};
const HOST = "virtual_hosts[0]";
const ROUTE = `${HOST}.routes[0]`;
const ACTION = `${ROUTE}.route`;

function route(set: Readonly<Record<string, JsonValue>>): Route {
  const found = accepted(ROUTE_CONFIGURATION, changed(BASE, set)).virtualHosts[0]?.routes[0];
  assert.ok(found);
  return found;
}

function action(set: Readonly<Record<string, JsonValue>>): RouteAction {
  const found = route(set).action;
  assert.equal(found.kind, "forward");
  return found as RouteAction;
}

test("a bare route has Envoy's defaults", () => {
  const { match, action: found, name } = route({});
  assert.equal(name, "prefix /");
  assert.deepEqual(match.path, { kind: "prefix", value: "/", ignoreCase: false });
  assert.equal(found.kind, "forward");
  const forward = found as RouteAction;
  assert.deepEqual(forward.cluster, { kind: "cluster", cluster: "orders" });
  assert.deepEqual(
    [forward.timeoutMs, forward.clusterNotFoundStatus, forward.priority, forward.retryPolicy],
    [15_000, 503, "default", undefined],
  );
});

test("matching ignores case only where case_sensitive is false", () => {
  assert.equal(route({ [`${ROUTE}.match.case_sensitive`]: true }).match.path.kind, "prefix");
  const folded = route({ [`${ROUTE}.match.case_sensitive`]: false }).match.path;
  assert.deepEqual(folded, { kind: "prefix", value: "/", ignoreCase: true });
});

test("every kind of path match reaches the model", () => {
  const kinds = [
    { path: "/a" },
    { path_separated_prefix: "/a" },
    { safe_regex: { regex: "/a+" } },
    { connect_matcher: {} },
  ];
  const found = kinds.map((match) => route({ [`${ROUTE}.match`]: match }).match.path.kind);
  assert.deepEqual(found, ["exact", "segment_prefix", "regex", "connect"]);
});

test("a regular expression that takes a backtracking engine for ever is accepted and matches at once", () => {
  const { path } = route({ [`${ROUTE}.match`]: { safe_regex: { regex: "(a+)+$" } } }).match;
  assert.equal(path.kind === "regex" && path.regex.matches(`${"a".repeat(40)}!`), false);
});

test("every kind of header match reaches the model", () => {
  const { headers } = route({
    [`${ROUTE}.match.headers`]: [
      { name: "X-Any" },
      { name: "a", exact_match: "1" },
      { name: "b", prefix_match: "1" },
      { name: "c", suffix_match: "1", invert_match: true },
      { name: "d", contains_match: "1", treat_missing_header_as_empty: true },
      { name: "e", range_match: { start: "-5", end: "9007199254740993" } },
      { name: "f", present_match: false },
      { name: ":method", string_match: { exact: "GET", ignore_case: true } },
      { name: "g", safe_regex_match: { regex: "[0-9]+" } },
    ],
  }).match;
  assert.deepEqual(
    headers.map(({ name, value }) => `${name} ${value.kind === "string" ? value.matcher.kind : value.kind}`),
    [
      "x-any present",
      "a exact",
      "b prefix",
      "c suffix",
      "d contains",
      "e range",
      "f present",
      ":method exact",
      "g regex",
    ],
  );
  assert.deepEqual(headers[5]?.value, { kind: "range", from: -5n, to: 9007199254740993n });
  assert.equal(headers[3]?.invert, true);
  assert.equal(headers[4]?.missingAsEmpty, true);
});

test("query, gRPC and fraction matches reach the model", () => {
  const { match } = route({
    [`${ROUTE}.match`]: {
      prefix: "/",
      query_parameters: [{ name: "v", string_match: { exact: "2" } }, { name: "debug" }],
      grpc: {},
      runtime_fraction: {
        default_value: { numerator: 5, denominator: "TEN_THOUSAND" },
        runtime_key: "ignored",
      },
    },
  });
  assert.deepEqual(match.query, [
    { name: "v", matcher: { kind: "exact", value: "2", ignoreCase: false } },
    { name: "debug", matcher: undefined },
  ]);
  assert.equal(match.grpcOnly, true);
  assert.deepEqual(match.fraction, { numerator: 5, denominator: 10_000 });
});

test("every part of a forwarding action reaches the model", () => {
  const found = action({
    [ACTION]: {
      weighted_clusters: {
        clusters: [
          { name: "a", weight: 1 },
          { name: "b", weight: 3 },
        ],
        total_weight: 4,
      },
      cluster_not_found_response_code: "NOT_FOUND",
      prefix_rewrite: "/v2",
      auto_host_rewrite: true,
      timeout: "2.5s",
      idle_timeout: "0s",
      max_stream_duration: { max_stream_duration: "60s", grpc_timeout_header_max: "0s" },
      priority: "HIGH",
      request_mirror_policies: [
        { cluster: "shadow", runtime_fraction: { default_value: { numerator: 1 } } },
        { cluster: "all" },
      ],
      hash_policy: [
        { header: { header_name: "X-User" }, terminal: true },
        { cookie: { name: "Sid", ttl: "0s", path: "/" } },
        { connection_properties: { source_ip: true } },
        { query_parameter: { name: "k" } },
      ],
      upgrade_configs: [{ upgrade_type: "WebSocket" }, { upgrade_type: "CONNECT", enabled: false }],
    },
  });
  assert.ok(found.cluster.kind === "weighted");
  assert.deepEqual([found.clusterNotFoundStatus, found.prefixRewrite, found.priority], [404, "/v2", "high"]);
  assert.deepEqual(found.hostRewrite, { kind: "auto" });
  assert.deepEqual(
    [found.timeoutMs, found.idleTimeoutMs, found.maxStreamDurationMs, found.grpcTimeoutMaxMs],
    [2_500, 0, 60_000, 0],
  );
  assert.deepEqual(found.mirrors, [
    { cluster: "shadow", fraction: { numerator: 1, denominator: 100 } },
    { cluster: "all", fraction: { numerator: 100, denominator: 100 } },
  ]);
  assert.deepEqual(
    found.hashPolicy.map(({ kind, terminal }) => [kind, terminal]),
    [
      ["header", true],
      ["cookie", false],
      ["source_ip", false],
      ["query", false],
    ],
  );
  assert.deepEqual(
    [...found.upgrades],
    [
      ["websocket", true],
      ["connect", false],
    ],
  );
});

test("mirrors of the table hold where a route names none", () => {
  const json = changed(BASE, { request_mirror_policies: [{ cluster: "shadow" }] });
  const found = accepted(ROUTE_CONFIGURATION, json).virtualHosts[0]?.routes[0]?.action as RouteAction;
  assert.equal(found.mirrors[0]?.cluster, "shadow");
});

test("a retry policy has the defaults of Envoy and the back-off rules of gRFC A44", () => {
  const plain = action({ [`${ACTION}.retry_policy`]: { retry_on: "5xx, connect-failure" } }).retryPolicy;
  assert.deepEqual([...(plain?.on ?? [])], ["5xx", "connect-failure"]);
  assert.deepEqual([plain?.numRetries, plain?.backoffBaseMs, plain?.backoffMaxMs], [1, 25, 250]);
  const full = action({
    [`${ACTION}.retry_policy`]: {
      retry_on: "retriable-status-codes",
      num_retries: 0,
      per_try_timeout: "1s",
      retriable_status_codes: [409],
      retry_back_off: { base_interval: "0.0001s" },
      retry_host_predicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
      host_selection_retry_max_attempts: 5,
      rate_limited_retry_back_off: {
        reset_headers: [{ name: "Retry-After" }, { name: "reset", format: "UNIX_TIMESTAMP" }],
      },
    },
  }).retryPolicy;
  assert.deepEqual(
    [full?.numRetries, full?.perTryTimeoutMs, full?.backoffBaseMs, full?.backoffMaxMs],
    [0, 1_000, 1, 10],
  );
  assert.deepEqual([...(full?.statusCodes ?? [])], [409]);
  assert.deepEqual(full?.rateLimitedBackoff, {
    headers: [
      { name: "retry-after", format: "seconds" },
      { name: "reset", format: "unix_timestamp" },
    ],
    maxMs: 300_000,
  });
});

test("redirects and direct responses reach the model", () => {
  const redirect = route({
    [ROUTE]: {
      match: { prefix: "/" },
      redirect: {
        https_redirect: true,
        host_redirect: "b",
        response_code: "PERMANENT_REDIRECT",
        strip_query: true,
      },
    },
  }).action;
  assert.ok(redirect.kind === "redirect");
  assert.deepEqual(
    [redirect.https, redirect.host, redirect.status, redirect.stripQuery],
    [true, "b", 308, true],
  );
  const direct = route({
    [ROUTE]: { match: { prefix: "/" }, direct_response: { status: 418, body: { inline_string: "tea" } } },
  }).action;
  assert.deepEqual(direct, { kind: "direct_response", status: 418, body: "tea" });
});

test("header mutations are parsed once, with each action", () => {
  const { requestHeaders, responseHeaders } = route({
    [`${ROUTE}.request_headers_to_add`]: [
      {
        header: { key: "X-Path", value: "at %REQ(:PATH)% 100%%" },
        append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
      },
      { header: { key: "b", value: "" }, append: false, keep_empty_value: true },
      { header: { key: "c", value: "1" } },
    ],
    [`${ROUTE}.response_headers_to_remove`]: ["Server"],
  });
  assert.deepEqual(requestHeaders.add[0], {
    name: "x-path",
    value: [
      { kind: "text", text: "at " },
      { kind: "operator", operator: "REQ", argument: ":path" },
      { kind: "text", text: " 100%" },
    ],
    action: "overwrite",
    keepEmpty: false,
  });
  assert.deepEqual([requestHeaders.add[1]?.action, requestHeaders.add[1]?.keepEmpty], ["overwrite", true]);
  assert.equal(requestHeaders.add[2]?.action, "append");
  assert.deepEqual(responseHeaders.remove, ["server"]);
});

const FAULT = {
  "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
  delay: { fixed_delay: "0.2s", percentage: { numerator: 50 } },
  abort: { grpc_status: 14, percentage: { numerator: 1, denominator: "MILLION" } },
};

test("faults can be set on a route and switched off on another", () => {
  const { fault } = route({ [`${ROUTE}.typed_per_filter_config`]: { "envoy.filters.http.fault": FAULT } });
  assert.ok(fault !== undefined && fault !== "disabled");
  assert.deepEqual(fault.delay, { ms: 200, fraction: { numerator: 50, denominator: 100 } });
  assert.deepEqual(fault.abort, {
    status: 200,
    grpcStatus: 14,
    fraction: { numerator: 1, denominator: 1_000_000 },
  });
  const disabled = { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", disabled: true };
  const off = route({ [`${ROUTE}.typed_per_filter_config`]: { "envoy.filters.http.fault": disabled } });
  assert.equal(off.fault, "disabled");
});

test("all problems of a table are told at once", () => {
  const { problems } = readBoth(
    ROUTE_CONFIGURATION,
    changed(BASE, {
      name: "",
      [`${HOST}.domains`]: [],
      [`${ROUTE}.match`]: {},
      [`${ACTION}.timeout`]: "-1s",
    }),
  );
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["name", `${HOST}.domains`, `${ROUTE}.match`, `${ACTION}.timeout`],
  );
});

const longRegex = "a".repeat(MODEL_LIMITS.regexLength + 1);
const sums = (weights: readonly number[]) => weights.map((weight, index) => ({ name: `c${index}`, weight }));
const unknownFilter = { "@type": "type.googleapis.com/example.v1.Guard" };
const optional = (config: JsonValue) => ({
  "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
  is_optional: true,
  config,
});

const MATCHES: readonly RefusalCase[] = [
  {
    title: "a route without a path match is refused",
    set: { [`${ROUTE}.match`]: {} },
    error: `${ROUTE}.match: needs one of prefix`,
  },
  {
    title: "a route without a match is refused",
    set: { [ROUTE]: { route: { cluster: "a" } } },
    error: `${ROUTE}.match: is required`,
  },
  {
    title: "a path match policy is refused",
    set: { [`${ROUTE}.match`]: { path_match_policy: { name: "x" } } },
    error: `${ROUTE}.match.path_match_policy: is not supported`,
  },
  ...["cookies", "dynamic_metadata", "filter_state"].map((field) => ({
    title: `matching on ${field} is refused: the route would match more`,
    set: { [`${ROUTE}.match.${field}`]: [{}] },
    error: `${ROUTE}.match.${field}: is not supported: without it the route would match more`,
  })),
  {
    title: "matching on TLS is refused",
    set: { [`${ROUTE}.match.tls_context`]: {} },
    error: `${ROUTE}.match.tls_context: is not supported`,
  },
  {
    title: "a back-reference is refused",
    set: { [`${ROUTE}.match`]: { safe_regex: { regex: "(a)\\1" } } },
    error: `${ROUTE}.match.safe_regex.regex: is not a regular expression of RE2`,
  },
  {
    title: "look-around is refused",
    set: { [`${ROUTE}.match`]: { safe_regex: { regex: "(?=a)b" } } },
    error: `${ROUTE}.match.safe_regex.regex: is not a regular expression of RE2`,
  },
  {
    title: "a regular expression over the length limit is refused",
    set: { [`${ROUTE}.match`]: { safe_regex: { regex: longRegex } } },
    error: `${ROUTE}.match.safe_regex.regex: must be at most 1024 characters`,
  },
  {
    title: "a short regular expression with a huge program is refused",
    set: { [`${ROUTE}.match`]: { safe_regex: { regex: "(ab{30}){30}c{500}" } } },
    error: `${ROUTE}.match.safe_regex.regex: compiles to`,
  },
  {
    title: "a path_separated_prefix that ends with a slash is refused",
    set: { [`${ROUTE}.match`]: { path_separated_prefix: "/a/" } },
    error: `${ROUTE}.match.path_separated_prefix: must start with "/"`,
  },
  {
    title: "a header name with a space is refused",
    set: { [`${ROUTE}.match.headers`]: [{ name: "x y" }] },
    error: `${ROUTE}.match.headers[0].name: must be a header name`,
  },
  {
    title: "a custom string matcher is refused",
    set: { [`${ROUTE}.match.headers`]: [{ name: "a", string_match: { custom: { name: "x" } } }] },
    error: `${ROUTE}.match.headers[0].string_match.custom: is not supported`,
  },
  {
    title: "a fraction without a default value is refused",
    set: { [`${ROUTE}.match.runtime_fraction`]: { runtime_key: "x" } },
    error: `${ROUTE}.match.runtime_fraction.default_value: is required`,
  },
];

const ACTIONS: readonly RefusalCase[] = [
  {
    title: "a route without an action is refused",
    set: { [ROUTE]: { match: { prefix: "/" } } },
    error: `${ROUTE}: needs one of route`,
  },
  {
    title: "a filter action is refused",
    set: { [ROUTE]: { match: { prefix: "/" }, filter_action: {} } },
    error: `${ROUTE}.filter_action: is not supported`,
  },
  {
    title: "a non-forwarding action answers 500 and warns",
    set: { [ROUTE]: { match: { prefix: "/" }, non_forwarding_action: {} } },
    warning: `${ROUTE}.non_forwarding_action: is answered with status 500`,
  },
  {
    title: "an action without a cluster is refused",
    set: { [ACTION]: {} },
    error: `${ACTION}: needs one of cluster`,
  },
  {
    title: "weights that are all 0 are refused",
    set: { [ACTION]: { weighted_clusters: { clusters: sums([0, 0]) } } },
    error: `${ACTION}.weighted_clusters.clusters: must have a weight over 0`,
  },
  {
    title: "weights that overflow 32 bits are refused",
    set: { [ACTION]: { weighted_clusters: { clusters: sums([4_294_967_295, 1]) } } },
    error: `${ACTION}.weighted_clusters.clusters: has weights that add up to 4294967296`,
  },
  {
    title: "a total weight that is not the sum is refused",
    set: { [ACTION]: { weighted_clusters: { clusters: sums([1, 2]), total_weight: 100 } } },
    error: `${ACTION}.weighted_clusters.total_weight: must be the sum of the weights, 3`,
  },
  {
    title: "a cluster specifier plugin is refused",
    set: { [ACTION]: { cluster_specifier_plugin: "x" } },
    error: `${ACTION}.cluster_specifier_plugin: is not supported`,
  },
  {
    title: "a metadata match is refused: requests would go elsewhere",
    set: { [`${ACTION}.metadata_match`]: { filter_metadata: { "envoy.lb": { v: 1 } } } },
    error: `${ACTION}.metadata_match: is not supported`,
  },
  {
    title: "prefix and regex rewrite together are refused",
    set: {
      [`${ACTION}.prefix_rewrite`]: "/",
      [`${ACTION}.regex_rewrite`]: { pattern: { regex: "a" }, substitution: "b" },
    },
    error: `${ACTION}.regex_rewrite: cannot stand beside prefix_rewrite`,
  },
  {
    title: "a substitution that names a group the pattern lacks is refused",
    set: { [`${ACTION}.regex_rewrite`]: { pattern: { regex: "(a)" }, substitution: "\\2" } },
    error: `${ACTION}.regex_rewrite.substitution: holds "\\\\2"`,
  },
  {
    title: "rewriting the host from the path is refused",
    set: { [`${ACTION}.host_rewrite_path_regex`]: { pattern: { regex: "a" } } },
    error: `${ACTION}.host_rewrite_path_regex: is not supported`,
  },
  {
    title: "a host rewrite that could start another header is refused",
    set: { [`${ACTION}.host_rewrite_literal`]: "a\r\nx: y" },
    error: `${ACTION}.host_rewrite_literal: must not hold white space`,
  },
  {
    title: "a retry back-off without a base is refused",
    set: { [`${ACTION}.retry_policy`]: { retry_back_off: {} } },
    error: `${ACTION}.retry_policy.retry_back_off.base_interval: is required`,
  },
  {
    title: "a retry back-off whose maximum is below its base is refused",
    set: { [`${ACTION}.retry_policy`]: { retry_back_off: { base_interval: "1s", max_interval: "0.5s" } } },
    error: `${ACTION}.retry_policy.retry_back_off.max_interval: must not be shorter`,
  },
  {
    title: "a misspelt retry word gives a warning with the nearest word",
    set: { [`${ACTION}.retry_policy`]: { retry_on: "5xx,conect-failure" } },
    warning: `${ACTION}.retry_policy.retry_on: has the word "conect-failure", which has no effect (did you mean "connect-failure"?)`,
  },
  {
    title: "an unknown host predicate gives a warning",
    set: { [`${ACTION}.retry_policy`]: { retry_host_predicate: [{ name: "x" }] } },
    warning: `${ACTION}.retry_policy.retry_host_predicate[0]: has no effect`,
  },
  {
    title: "a retry priority gives a warning",
    set: { [`${ACTION}.retry_policy`]: { retry_priority: { name: "x" } } },
    warning: `${ACTION}.retry_policy.retry_priority: is not supported and has no effect`,
  },
  {
    title: "how a CONNECT is passed on gives a warning",
    set: {
      [`${ACTION}.upgrade_configs`]: [{ upgrade_type: "CONNECT", connect_config: { allow_post: true } }],
    },
    warning: `${ACTION}.upgrade_configs[0].connect_config.allow_post: is not supported and has no effect`,
  },
  {
    title: "an upgrade to h2c gives a warning",
    set: { [`${ACTION}.upgrade_configs`]: [{ upgrade_type: "H2C" }] },
    warning: `${ACTION}.upgrade_configs[0].upgrade_type: has no effect: upgrades to h2c are never passed on`,
  },
  {
    title: "hedging gives a warning, of a route",
    set: { [`${ACTION}.hedge_policy`]: { hedge_on_per_try_timeout: true } },
    warning: `${ACTION}.hedge_policy.hedge_on_per_try_timeout: is not supported and has no effect`,
  },
  {
    title: "hedging gives a warning, of a virtual host",
    set: { [`${HOST}.hedge_policy`]: { hedge_on_per_try_timeout: true } },
    warning: `${HOST}.hedge_policy.hedge_on_per_try_timeout: is not supported and has no effect`,
  },
  {
    title: "more than one initial request gives a warning",
    set: { [`${ACTION}.hedge_policy`]: { initial_requests: 2 } },
    warning: `${ACTION}.hedge_policy.initial_requests: has no effect`,
  },
  {
    title: "rate limits give a warning",
    set: { [`${ACTION}.rate_limits`]: [{}] },
    warning: `${ACTION}.rate_limits: is not supported`,
  },
  {
    title: "a hash key of an unknown kind gives a warning",
    set: { [`${ACTION}.hash_policy`]: [{ filter_state: { key: "x" } }] },
    warning: `${ACTION}.hash_policy[0]: has no effect`,
  },
  {
    title: "a direct response over the body limit is refused",
    set: {
      [ROUTE]: {
        match: { prefix: "/" },
        direct_response: { status: 200, body: { inline_string: "x".repeat(4_097) } },
      },
    },
    error: `${ROUTE}.direct_response.body: is 4097 bytes long; at most 4096`,
  },
  {
    title: "a direct response from a file is refused",
    set: {
      [ROUTE]: {
        match: { prefix: "/" },
        direct_response: { status: 200, body: { filename: "/etc/passwd" } },
      },
    },
    error: `${ROUTE}.direct_response.body: must be inline_string`,
  },
];

const TABLES: readonly RefusalCase[] = [
  {
    title: "a virtual host without a domain is refused",
    set: { [`${HOST}.domains`]: [] },
    error: `${HOST}.domains: must name at least one`,
  },
  ...["", "a*b", "*a*", "a b", "**"].map((domain) => ({
    title: `the domain ${JSON.stringify(domain)} is refused`,
    set: { [`${HOST}.domains`]: [domain] },
    error: `${HOST}.domains[0]: must be a host`,
  })),
  {
    title: "a domain of two virtual hosts is refused, whatever its case",
    set: { "virtual_hosts[1]": { name: "b", domains: ["ORDERS"] } },
    error: 'virtual_hosts[1].domains[0]: "orders" already belongs to the virtual host "orders"',
  },
  {
    title: "a virtual host's name that stands twice is refused",
    set: { "virtual_hosts[1]": { name: "orders", domains: ["b"] } },
    error: 'virtual_hosts[1].name: "orders" stands twice',
  },
  {
    title: "a unified matcher is refused",
    set: { [`${HOST}.matcher`]: {} },
    error: `${HOST}.matcher: is not supported`,
  },
  { title: "VHDS is refused", set: { vhds: {} }, error: "vhds: is not supported" },
  {
    title: "internal-only headers are refused: callers could send them",
    set: { internal_only_headers: ["x"] },
    error: "internal_only_headers: is not supported",
  },
  {
    title: "more routes than the limit are refused",
    set: { "virtual_hosts[1]": { name: "b", domains: ["b"] } },
    context: { limits: { ...MODEL_LIMITS, routes: 1 } },
    error: "virtual_hosts: holds 2 routes; at most 1",
  },
  ...[
    "host",
    ":authority",
    "Content-Length",
    "transfer-encoding",
    "Connection",
    "TE",
    "upgrade",
    "expect",
  ].map((name) => ({
    title: `adding the header ${name} is refused`,
    set: { [`${HOST}.request_headers_to_add`]: [{ header: { key: name, value: "x" } }] },
    error: `${HOST}.request_headers_to_add[0].header.key: must not name "${name.toLowerCase()}"`,
  })),
  {
    title: "removing the host is refused",
    set: { request_headers_to_remove: ["host"] },
    error: 'request_headers_to_remove[0]: must not name "host"',
  },
  ...["a\rb", "a\nb", "a\0b"].map((value) => ({
    title: `the header value ${JSON.stringify(value)} is refused`,
    set: { request_headers_to_add: [{ header: { key: "x", value } }] },
    error: "request_headers_to_add[0].header.value: must not hold CR, LF or NUL",
  })),
  {
    title: "an unknown operator in a header value is refused with the nearest one",
    set: { request_headers_to_add: [{ header: { key: "x", value: "%PROTOCL%" } }] },
    error:
      'request_headers_to_add[0].header.value: has the operator %PROTOCL%, which is not supported (did you mean "PROTOCOL"?)',
  },
  {
    title: "route configuration of an unknown filter type is refused: it may guard the route",
    set: { [`${ROUTE}.typed_per_filter_config`]: { x: unknownFilter } },
    error: `${ROUTE}.typed_per_filter_config.x: has the type example.v1.Guard, which is not supported for a route`,
  },
  {
    title: "route configuration of an unknown filter type that is optional gives a warning",
    set: { [`${ROUTE}.typed_per_filter_config`]: { x: optional(unknownFilter) } },
    warning: `${ROUTE}.typed_per_filter_config.x.config: has the type`,
  },
  {
    title: "an unsupported field gives a warning",
    set: { validate_clusters: true },
    warning: "validate_clusters: is not supported and has no effect",
  },
  {
    title: "a name over the text limit is refused",
    set: { name: "n".repeat(16_385) },
    error: "name: must be at most 16384 characters long",
  },
];

test("after many errors, costly regular expressions are compiled no more, and the table stays refused", () => {
  const routes = Array.from({ length: 300 }, () => ({
    match: { safe_regex: { regex: "(a{100}){10}" } },
    route: { cluster: "a" },
  }));
  const { value, problems } = readBoth(ROUTE_CONFIGURATION, changed(BASE, { [`${HOST}.routes`]: routes }));
  assert.equal(value, undefined);
  assert.equal(problems.length, 101);
  assert.equal(problems[100]?.reason, "has 1 more problems, not told here");
});

test("keys of maps are cut in what is told", () => {
  const config = { "@type": "type.googleapis.com/example.v1.Guard" };
  const json = changed(BASE, {});
  (json as { typed_per_filter_config?: JsonObject }).typed_per_filter_config = {
    ["k".repeat(10_000)]: config,
  };
  const { bytes } = ROUTE_CONFIGURATION.encode(json);
  const [problem] = ROUTE_CONFIGURATION.decode(bytes!, XDS_CONTEXT).problems;
  assert.ok((problem?.path.length ?? 0) < 300);
});

testRefusals(ROUTE_CONFIGURATION, BASE, [...MATCHES, ...ACTIONS, ...TABLES]);
