import { describe, Fields, type Item } from "../common/fields.ts";
import { parseHostPort } from "../common/host-port.ts";
import { didYouMean } from "../common/nearest-name.ts";
import type { Problems } from "../common/problem.ts";
import { LDS, RDS } from "../protocol/server-snapshot.ts";
import { ADS_SOURCE } from "./mesh-cluster.ts";
import { type Draft, type Origin, originsBelow, type Part } from "./mesh-draft.ts";

/** The listener of a file that names none. */
const DEFAULT_LISTENER = { name: "outbound", address: "127.0.0.1:15001" };
const HCM =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/** A listener and its route table, with one virtual host for each of its services. */
export function readListener(item: Item, hosts: ReadonlyMap<string, Part>, problems: Problems): Draft[] {
  const fields = Fields.of(item.value, item.path, problems);
  if (!fields) return [];
  const name = fields.required("name") ? fields.nonEmptyString("name", 255) : undefined;
  const address = fields.required("address") ? fields.nonEmptyString("address", 300) : undefined;
  const services = fields.strings("services", 10_000);
  for (const service of services ?? []) {
    if (hosts.has(service)) continue;
    fields.error("services", `no service is named ${describe(service)}${didYouMean(service, hosts.keys())}`);
  }
  fields.close();
  if (name === undefined || address === undefined) return [];
  const parsed = parseHostPort(address);
  if ("error" in parsed || !parsed.isIp) {
    const reason = "error" in parsed ? parsed.error : "a listener binds an IP address, not a name";
    fields.error("address", `${reason} (here: ${describe(address)})`);
    return [];
  }
  const wanted = [...hosts].filter(([service]) => services === undefined || services.includes(service));
  return draftListener(
    name,
    parsed,
    item.path,
    wanted.map(([, host]) => host),
  );
}

export function defaultListener(hosts: ReadonlyMap<string, Part>): Draft[] {
  const [host, port] = DEFAULT_LISTENER.address.split(":");
  return draftListener(DEFAULT_LISTENER.name, { host: host!, port: Number(port) }, "services", [
    ...hosts.values(),
  ]);
}

function draftListener(
  name: string,
  { host, port }: { host: string; port: number },
  path: string,
  hosts: readonly Part[],
): Draft[] {
  const listener = {
    name,
    address: { socket_address: { address: host, port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": HCM,
              stat_prefix: name,
              rds: { route_config_name: name, config_source: ADS_SOURCE },
              http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
            },
          },
        ],
      },
    ],
  };
  const origins: Origin[] = [{ inResource: "", inFile: path }];
  const routes = {
    name,
    virtual_hosts: hosts.map((virtualHost) => virtualHost.json),
    // Callers name the service with and without the port that they believe it listens on.
    ignore_port_in_host_matching: true,
  };
  const inHosts = hosts.flatMap((virtualHost, index) =>
    originsBelow(`virtual_hosts[${index}]`, virtualHost.origins),
  );
  return [
    { typeUrl: LDS, json: listener, origins },
    { typeUrl: RDS, json: routes, origins: [...origins, ...inHosts] },
  ];
}
