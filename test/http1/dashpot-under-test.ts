import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { RunningCommand } from "../support/command.ts";
import { LOOPBACK } from "./loopback.ts";
import type { ProxyUnderTest, StagedCase } from "./proxy-under-test.ts";

const MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/** What the sidecar adds to requests and responses by itself: this hop's trace and identity. */
const OWN = new Set(["via", "x-forwarded-proto", "x-request-id", "traceparent"]);

/** The real command with a static bootstrap: one listener, route and cluster for each case. */
export async function startDashpot(cases: readonly StagedCase[]): Promise<ProxyUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "dashpot-corpus-"));
  const file = join(folder, "bootstrap.json");
  await writeFile(file, JSON.stringify(bootstrapOf(cases)));
  const running = new RunningCommand(["sidecar", "-c", file], {
    DASHPOT_LOG_LEVEL: "info",
    OTEL_TRACES_EXPORTER: "none",
  });
  const stop = async (): Promise<void> => {
    await running.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [, admin] = await running.said(/"address":"([^"]+)"[^\n]*"msg":"the admin listens"/);
    await running.said(/"msg":"ready"/);
    const ports = await listenerPorts(`http://${admin}/listeners?format=json`);
    return { comparison: { own: OWN, exact: true }, port: (index) => ports.get(`case-${index}`) ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listenerPorts(url: string): Promise<ReadonlyMap<string, number>> {
  const { listener_statuses } = (await (await fetch(url)).json()) as {
    listener_statuses: {
      name: string;
      local_address?: { socket_address: { port_value: number } };
      dashpot: { failure: string };
    }[];
  };
  return new Map(
    listener_statuses.map(({ name, local_address, dashpot }) => {
      if (!local_address) throw new Error(`${name} is not bound: ${dashpot.failure}`);
      return [name, local_address.socket_address.port_value];
    }),
  );
}

function bootstrapOf(cases: readonly StagedCase[]): object {
  return {
    node: { id: "corpus", cluster: "corpus" },
    admin: { address: loopback(0) },
    static_resources: {
      listeners: cases.map(listenerOf),
      clusters: cases.map(({ originPort }, index) => ({
        name: `origin-${index}`,
        type: "STATIC",
        connect_timeout: "5s",
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

function listenerOf({ corpusCase }: StagedCase, index: number): object {
  const cluster = `origin-${index}`;
  const { listener, routes, upgrades } = corpusCase;
  const own = (parse(routes.replaceAll("{origin}", cluster)) ?? []) as object[];
  const route = {
    cluster,
    upgrade_configs: upgrades.map((upgrade_type) => ({ upgrade_type })),
  };
  const connect = { match: { connect_matcher: {} }, route };
  return {
    name: `case-${index}`,
    address: loopback(0),
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": MANAGER,
              stat_prefix: `case-${index}`,
              http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
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
