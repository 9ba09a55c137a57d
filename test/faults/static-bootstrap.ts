/** What a fault test changes of the sidecar that it harms. */
export interface StaticMesh {
  readonly endpoints: readonly number[];
  /** Where the sidecar listens; 0: the kernel chooses. */
  readonly listener?: number;
  readonly routeTimeout?: string;
  readonly connectTimeout?: string;
  /** A retry_policy in YAML's flow style. Default none. */
  readonly retryPolicy?: string;
  /** One entry of circuit_breakers.thresholds in YAML's flow style. Default none. */
  readonly thresholds?: string;
  /** Further lines of the `dashpot` block. */
  readonly settings?: readonly string[];
}

/** The bootstrap of a sidecar without a control server: host `orders` to the endpoints on loopback. */
export function staticBootstrap({
  endpoints,
  listener = 0,
  routeTimeout = "5s",
  connectTimeout = "1s",
  retryPolicy,
  thresholds = "",
  settings = [],
}: StaticMesh): string {
  const route = `{ cluster: orders, timeout: ${routeTimeout}${retryPolicy ? `, retry_policy: ${retryPolicy}` : ""} }`;
  return `
node: { id: harmed, cluster: test }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
    - name: outbound
      address: { socket_address: { address: 127.0.0.1, port_value: ${listener} } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: outbound
                route_config:
                  name: outbound
                  virtual_hosts:
                    - { name: orders, domains: [orders], routes: [{ match: { prefix: / }, route: ${route} }] }
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  clusters:
    - name: orders
      type: STATIC
      connect_timeout: ${connectTimeout}
      circuit_breakers: { thresholds: [${thresholds}] }
      load_assignment:
        cluster_name: orders
        endpoints:
          - lb_endpoints:
${endpoints.map((port) => `              - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${port} } } }`).join("\n")}
dashpot:
  log_level: warn
${settings.map((line) => `  ${line}\n`).join("")}`;
}
