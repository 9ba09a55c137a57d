import type { RoutingCase } from "./routing-case.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters";

export interface BackendPorts {
  readonly origin: number;
  readonly other: number;
  /** Several, to choose among. */
  readonly many: readonly number[];
  /** Nobody listens there. */
  readonly dead: number;
}

/**
 * An Envoy v3 bootstrap with a listener for each case, named `case-N`. Clusters: `{origin}` is the case's own; `other`, `ring`, `maglev`,
 * `empty` and `dead` belong to all.
 */
export function routingBootstrap(cases: readonly RoutingCase[], ports: BackendPorts): string {
  const bootstrap = {
    node: { id: "witness", cluster: "witness" },
    admin: { address: loopback(0) },
    static_resources: {
      listeners: cases.map(listenerOf),
      clusters: [
        ...cases.map(({ cluster, endpoint }, index) =>
          clusterOf(`case-${index}`, [ports.origin], cluster, endpoint),
        ),
        clusterOf("other", [ports.other]),
        clusterOf("ring", ports.many, { lb_policy: "RING_HASH" }),
        clusterOf("maglev", ports.many, { lb_policy: "MAGLEV" }),
        clusterOf("empty", []),
        clusterOf("dead", [ports.dead]),
      ],
    },
  };
  return JSON.stringify(bootstrap).replaceAll('"{originPort}"', String(ports.origin));
}

function loopback(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function clusterOf(name: string, ports: readonly number[], more: object = {}, endpoint: object = {}): object {
  const endpoints = ports.map((port) => ({ endpoint: { address: loopback(port), ...endpoint } }));
  return {
    name,
    type: "STATIC",
    connect_timeout: "5s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...more,
  };
}

function listenerOf({ manager, table, host, hosts, routes, filters }: RoutingCase, index: number): object {
  const name = `case-${index}`;
  const listener = {
    name,
    address: loopback(0),
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: name,
              // The sidecar's own default.
              http_protocol_options: { accept_http_10: true },
              http_filters: [
                ...filters,
                {
                  name: "envoy.filters.http.router",
                  typed_config: { "@type": `${FILTERS}.http.router.v3.Router` },
                },
              ],
              route_config: {
                name,
                virtual_hosts: hosts ?? [{ name: "any", domains: ["*"], routes, ...host }],
                ...table,
              },
              ...manager,
            },
          },
        ],
      },
    ],
  };
  return JSON.parse(JSON.stringify(listener).replaceAll("{origin}", name)) as object;
}
