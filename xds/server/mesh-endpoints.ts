import type { JsonObject } from "@bufbuild/protobuf";
import { childPath } from "../common/field-path.ts";
import { describe, Fields, type Item } from "../common/fields.ts";
import { parseHostPort, type WrittenHostPort } from "../common/host-port.ts";
import type { Problems } from "../common/problem.ts";
import { endpointAddress } from "../model/endpoint.ts";
import { defined, type Origin, type Part } from "./mesh-draft.ts";

const HEALTH = ["healthy", "degraded", "draining", "unhealthy"] as const;

interface MeshEndpoint {
  readonly address: WrittenHostPort;
  readonly path: string;
  readonly json: JsonObject;
  readonly region: string;
  readonly zone: string;
  readonly priority: number;
  readonly weight: number;
}

/** The endpoints of a service as a ClusterLoadAssignment, and whether all are IP addresses (EDS takes nothing else). */
export interface Assignment extends Part {
  readonly allIp: boolean;
}

/** Endpoints of one region, zone and priority make up one locality, in the order in which the file names them. */
export function readAssignment(clusterName: string, items: readonly Item[], problems: Problems): Assignment {
  const localities = new Map<string, MeshEndpoint[]>();
  const seen = new Map<string, string>();
  let allIp = true;
  for (const item of items) {
    const endpoint = readEndpoint(item, problems);
    if (!endpoint) continue;
    const { host, port, isIp } = endpoint.address;
    const address = endpointAddress(host.toLowerCase(), port);
    const first = seen.get(address);
    if (first !== undefined) {
      problems.error(endpoint.path, `${address} already stands at ${first}`);
      continue;
    }
    seen.set(address, endpoint.path);
    allIp &&= isIp;
    const key = JSON.stringify([endpoint.region, endpoint.zone, endpoint.priority]);
    localities.get(key)?.push(endpoint) ?? localities.set(key, [endpoint]);
  }
  checkPriorities([...localities.values()].flat(), problems);
  const origins: Origin[] = [];
  const endpoints = [...localities.values()].map((members, locality) => {
    members.forEach((member, index) => {
      origins.push({ inResource: `endpoints[${locality}].lb_endpoints[${index}]`, inFile: member.path });
    });
    const { region, zone, priority } = members[0]!;
    return {
      locality: { region, zone },
      priority,
      // gRPC clients leave out a locality without a weight; the sum gives every endpoint the share of its own weight.
      load_balancing_weight: members.reduce((sum, { weight }) => sum + weight, 0),
      lb_endpoints: members.map((member) => member.json),
    };
  });
  return { json: { cluster_name: clusterName, endpoints }, origins, allIp };
}

function readEndpoint({ value, path }: Item, problems: Problems): MeshEndpoint | undefined {
  if (typeof value === "string") return buildEndpoint(value, path, path, undefined, problems);
  const fields = Fields.of(value, path, problems);
  if (!fields) return undefined;
  const address = fields.required("address") ? fields.string("address", 300) : undefined;
  const endpoint = buildEndpoint(address, path, childPath(path, "address"), fields, problems);
  fields.close();
  return endpoint;
}

function buildEndpoint(
  text: string | undefined,
  path: string,
  addressPath: string,
  fields: Fields | undefined,
  problems: Problems,
): MeshEndpoint | undefined {
  const weight = fields?.integer("weight", { min: 1, max: 2 ** 32 - 1 });
  const health = fields?.oneOf("health", HEALTH);
  const hostname = fields?.string("hostname", 255);
  const region = fields?.string("region", 255) ?? "";
  const zone = fields?.string("zone", 255) ?? "";
  const priority = fields?.integer("priority", { min: 0, max: 128 }) ?? 0;
  if (text === undefined) return undefined;
  const address = parseHostPort(text);
  if ("error" in address) {
    problems.error(addressPath, `${address.error} (here: ${describe(text)})`);
    return undefined;
  }
  const json = defined({
    endpoint: defined({
      address: { socket_address: { address: address.host, port_value: address.port } },
      hostname: hostname ?? (address.isIp ? undefined : address.host),
    }),
    health_status: health?.toUpperCase(),
    load_balancing_weight: weight,
  });
  return { address, path, json, region, zone, priority, weight: weight ?? 1 };
}

/** Priorities are used in turn from 0; a gap would be refused by every client (gRFC A27). */
function checkPriorities(endpoints: readonly MeshEndpoint[], problems: Problems): void {
  const used = new Set(endpoints.map((endpoint) => endpoint.priority));
  for (const priority of used) {
    if (priority === 0 || used.has(priority - 1)) continue;
    const { path } = endpoints.find((endpoint) => endpoint.priority === priority)!;
    problems.error(childPath(path, "priority"), `priority ${priority} is used but ${priority - 1} is not`);
  }
}
