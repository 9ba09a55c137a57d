import { describe, Fields, type Item } from "../common/fields.ts";
import { parseHostPort } from "../common/host-port.ts";
import { didYouMean } from "../common/nearest-name.ts";
import type { Problems } from "../common/problem.ts";
import { LDS, RDS } from "../protocol/server-snapshot.ts";
import { ADS_SOURCE } from "./mesh-cluster.ts";
import { type Draft, type Origin, originsBelow, type Part } from "./mesh-draft.ts";

/** The listener of a file that names none. */
const DEFAULT_LISTENER = { name: "outbound", host: "127.0.0.1", port: 15_001 };

type ListenerAddress = { readonly host: string; readonly port: number } | "grpc";

const HCM =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

/**
 * A listener and its route table, with one virtual host for each of its services. `grpc: true` instead of an address makes one
 * that binds nothing: gRPC clients dial its name, `xds:///NAME`, and its routes are found by that name as domain.
 */
export function readListener(item: Item, hosts: ReadonlyMap<string, Part>, problems: Problems): Draft[] {
  const fields = Fields.of(item.value, item.path, problems);
  if (!fields) return [];
  const name = fields.required("name") ? fields.nonEmptyString("name", 255) : undefined;
  const address = readAddress(fields);
  const services = fields.strings("services", 10_000);
  for (const service of services ?? []) {
    if (hosts.has(service)) continue;
    fields.error("services", `no service is named ${describe(service)}${didYouMean(service, hosts.keys())}`);
  }
  fields.close();
  if (name === undefined || address === undefined) return [];
  const wanted = [...hosts].filter(([service]) => services === undefined || services.includes(service));
  return draftListener(
    name,
    address,
    item.path,
    wanted.map(([, host]) => host),
  );
}

/** Undefined after a problem. */
function readAddress(fields: Fields): ListenerAddress | undefined {
  if (fields.boolean("grpc") === true) {
    if (fields.has("address"))
      fields.error("address", 'a listener for gRPC clients binds nothing: "grpc" or "address"');
    return "grpc";
  }
  const address = fields.required("address") ? fields.nonEmptyString("address", 300) : undefined;
  if (address === undefined) return undefined;
  const parsed = parseHostPort(address);
  if (!("error" in parsed) && parsed.isIp) return parsed;
  const reason = "error" in parsed ? parsed.error : "a listener binds an IP address, not a name";
  fields.error("address", `${reason} (here: ${describe(address)})`);
  return undefined;
}

export function defaultListener(hosts: ReadonlyMap<string, Part>): Draft[] {
  const { name, host, port } = DEFAULT_LISTENER;
  return draftListener(name, { host, port }, "services", [...hosts.values()]);
}

function draftListener(
  name: string,
  address: ListenerAddress,
  path: string,
  hosts: readonly Part[],
): Draft[] {
  const manager = {
    "@type": HCM,
    stat_prefix: name,
    rds: { route_config_name: name, config_source: ADS_SOURCE },
    http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
  };
  const listener =
    address === "grpc"
      ? { name, api_listener: { api_listener: manager } }
      : {
          name,
          address: { socket_address: { address: address.host, port_value: address.port } },
          filter_chains: [
            { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
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
