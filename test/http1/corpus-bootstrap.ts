import { parse } from "yaml";
import { LOOPBACK } from "./loopback.ts";
import type { StagedCase } from "./proxy-under-test.ts";

const MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const UPSTREAM_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Trailers of responses, which the sidecar passes in any case. */
const WITH_TRAILERS = {
  "@type": `type.googleapis.com/${UPSTREAM_HTTP}`,
  explicit_http_config: { http_protocol_options: { enable_trailers: true } },
};

/**
 * An Envoy v3 bootstrap with one listener, route and cluster for each case. `ports`: where the listeners bind; where the kernel wants, if
 * left out. `manager`: fields of every connection manager, behind which those of the case win.
 */
export function corpusBootstrap(
  cases: readonly StagedCase[],
  ports: readonly number[] = [],
  manager: object = {},
): object {
  return {
    node: { id: "corpus", cluster: "corpus" },
    admin: { address: loopback(0) },
    static_resources: {
      listeners: cases.map((staged, index) => listenerOf(staged, index, ports[index] ?? 0, manager)),
      clusters: cases.map(({ originPort }, index) => ({
        name: `origin-${index}`,
        type: "STATIC",
        connect_timeout: "5s",
        typed_extension_protocol_options: { [UPSTREAM_HTTP]: WITH_TRAILERS },
        load_assignment: {
          cluster_name: `origin-${index}`,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(originPort) } }] }],
        },
      })),
    },
  };
}

function loopback(port: number): object {
  return { socket_address: { address: LOOPBACK, port_value: port } };
}

function listenerOf({ corpusCase }: StagedCase, index: number, port: number, manager: object): object {
  const cluster = `origin-${index}`;
  const { listener, routes, upgrades } = corpusCase;
  const own = (parse(routes.replaceAll("{origin}", cluster)) ?? []) as object[];
  const route = {
    cluster,
    upgrade_configs: upgrades.map((upgrade_type) =>
      upgrade_type === "CONNECT" ? { upgrade_type, connect_config: {} } : { upgrade_type },
    ),
  };
  const connect = { match: { connect_matcher: {} }, route };
  return {
    name: `case-${index}`,
    address: loopback(port),
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": MANAGER,
              stat_prefix: `case-${index}`,
              http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
              ...manager,
              ...((parse(listener) ?? {}) as object),
              route_config: {
                name: `case-${index}`,
                virtual_hosts: [
                  {
                    name: "any",
                    domains: ["*"],
                    routes: [
                      { match: { path: "/corpus-marker" }, route: { cluster } },
                      ...own,
                      ...(upgrades.includes("CONNECT") ? [connect] : []),
                      { match: { prefix: "/" }, route },
                    ],
                  },
                ],
              },
            },
          },
        ],
      },
    ],
  };
}
