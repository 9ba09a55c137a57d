import type { JsonObject } from "@bufbuild/protobuf";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../../../xds/model/endpoints-from-proto.ts";
import { LISTENER } from "../../../xds/model/listener-from-proto.ts";
import type { ResourceType } from "../../../xds/model/resource-type.ts";
import { ROUTE_CONFIGURATION } from "../../../xds/model/routes-from-proto.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters";
const ads = { ads: {}, resource_api_version: "V3" };

const ENDPOINTS: JsonObject = {
  cluster_name: "orders",
  endpoints: [1, 2].map((place) => ({
    locality: { region: "eu", zone: `z${place}` },
    load_balancing_weight: place,
    lb_endpoints: [1, 2].map((host) => ({
      endpoint: {
        address: { socket_address: { address: `10.0.${place}.${host}`, port_value: 80 } },
        hostname: `h${host}`,
        health_check_config: { port_value: 8080 },
      },
      metadata: { filter_metadata: { "envoy.lb": { stage: "prod", nested: { list: [1, null, true] } } } },
      load_balancing_weight: 3,
      health_status: "HEALTHY",
    })),
  })),
  policy: {
    drop_overloads: [{ category: "x", drop_percentage: { numerator: 1 } }],
    overprovisioning_factor: 140,
  },
};

const ROUTES: JsonObject = {
  name: "outbound",
  virtual_hosts: [
    {
      name: "orders",
      domains: ["orders", "*.orders"],
      retry_policy: { retry_on: "5xx,reset", num_retries: 2, retry_back_off: { base_interval: "0.1s" } },
      routes: [
        {
          match: {
            safe_regex: { regex: "/v[0-9]+/.*" },
            headers: [{ name: "x-a", string_match: { prefix: "b", ignore_case: true } }],
            query_parameters: [{ name: "q", present_match: true }],
          },
          route: {
            weighted_clusters: {
              clusters: [
                { name: "a", weight: 1 },
                { name: "b", weight: 9 },
              ],
            },
            regex_rewrite: { pattern: { regex: "^/v([0-9])" }, substitution: "/\\1" },
            timeout: "1.5s",
            hash_policy: [{ header: { header_name: "x-user" } }],
          },
          request_headers_to_add: [{ header: { key: "x-path", value: "%REQ(:path)%" } }],
          typed_per_filter_config: {
            "envoy.filters.http.fault": {
              "@type": `${FILTERS}.http.fault.v3.HTTPFault`,
              delay: { fixed_delay: "0.1s", percentage: { numerator: 10 } },
            },
          },
        },
        { match: { prefix: "/old" }, redirect: { path_redirect: "/new", response_code: "FOUND" } },
        { match: { path: "/ping" }, direct_response: { status: 200, body: { inline_string: "pong" } } },
      ],
    },
  ],
};

const LISTENS: JsonObject = {
  name: "egress",
  address: { socket_address: { address: "127.0.0.1", port_value: 15_001 } },
  filter_chains: [
    {
      filters: [
        {
          name: "http",
          typed_config: {
            "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
            stat_prefix: "egress",
            rds: { route_config_name: "outbound", config_source: ads },
            common_http_protocol_options: { idle_timeout: "60s", max_headers_count: 50 },
            upgrade_configs: [{ upgrade_type: "websocket" }],
            http_filters: [{ name: "router", typed_config: { "@type": `${FILTERS}.http.router.v3.Router` } }],
          },
        },
      ],
    },
  ],
};

const CLUSTERS: JsonObject = {
  name: "orders",
  type: "EDS",
  eds_cluster_config: { eds_config: ads, service_name: "orders" },
  connect_timeout: "0.25s",
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: "dashpot.adaptive",
          typed_config: {
            "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
            type_url: "type.googleapis.com/dashpot.v1.Adaptive",
            value: { scan_limit: 16, decay_time: "5s", slow_start: { window: "30s" } },
          },
        },
      },
    ],
  },
  circuit_breakers: {
    thresholds: [{ max_connections: 10, retry_budget: { budget_percent: { value: 20 } } }],
  },
  outlier_detection: { consecutive_5xx: 3, base_ejection_time: "10s" },
  health_checks: [
    {
      timeout: "1s",
      interval: "5s",
      unhealthy_threshold: 3,
      healthy_threshold: 2,
      http_health_check: { path: "/healthz" },
    },
  ],
  transport_socket: {
    name: "tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: "orders",
      common_tls_context: { validation_context: { trusted_ca: { inline_string: "CA" } } },
    },
  },
};

/** One good resource of each type, rich enough that changes to it reach every reader. */
export const SAMPLES: readonly { readonly type: ResourceType<unknown>; readonly json: JsonObject }[] = [
  { type: LISTENER, json: LISTENS },
  { type: ROUTE_CONFIGURATION, json: ROUTES },
  { type: CLUSTER, json: CLUSTERS },
  { type: CLUSTER_LOAD_ASSIGNMENT, json: ENDPOINTS },
];
