export interface BootstrapPorts {
  readonly port: number;
  readonly adminPort: number;
  readonly streamPort: number;
  readonly backendPorts: readonly number[];
}

const HTTP = "type.googleapis.com/envoy.extensions.filters";

function address(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function cluster(name: string, ports: readonly number[]): object {
  const lbEndpoints = ports.map((port) => ({ endpoint: { address: address(port) } }));
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: lbEndpoints }] },
  };
}

/** One file for the sidecar and for Envoy: an Envoy v3 bootstrap with two routes. */
export function bootstrap({ port, adminPort, streamPort, backendPorts }: BootstrapPorts): object {
  const manager = {
    "@type": `${HTTP}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "outbound",
    route_config: {
      name: "outbound",
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            { match: { prefix: "/stream" }, route: { cluster: "stream", timeout: "0s" } },
            { match: { prefix: "/" }, route: { cluster: "backend" } },
          ],
        },
      ],
    },
    http_filters: [
      { name: "envoy.filters.http.router", typed_config: { "@type": `${HTTP}.http.router.v3.Router` } },
    ],
  };
  return {
    node: { id: "bench", cluster: "bench" },
    admin: { address: address(adminPort) },
    static_resources: {
      listeners: [
        {
          name: "outbound",
          address: address(port),
          filter_chains: [
            { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
          ],
        },
      ],
      clusters: [cluster("backend", backendPorts), cluster("stream", [streamPort])],
    },
  };
}
