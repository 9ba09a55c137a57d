import { hostname } from "node:os";
import type { JsonObject } from "@bufbuild/protobuf";
import type { NodeIdentity } from "../../xds/client/node-identity.ts";
import type { Environment } from "../../xds/common/environment.ts";
import { isMapping } from "../../xds/common/fields.ts";
import { isLoopbackAddress } from "../../xds/common/loopback.ts";
import type { Problems } from "../../xds/common/problem.ts";
import type { SocketAddress } from "../../xds/model/listener.ts";
import { STATIC_CONTEXT } from "../../xds/model/resource-type.ts";
import { AdminSchema, BootstrapSchema } from "../../xds/proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { AddressSchema } from "../../xds/proto/gen/envoy/config/core/v3/address_pb.js";
import { NodeSchema } from "../../xds/proto/gen/envoy/config/core/v3/base_pb.js";
import { type DynamicResources, readDynamicResources } from "./bootstrap-control-server.ts";
import { honouredFields, type Part, readMessage } from "./bootstrap-part.ts";
import {
  checkProtocols,
  checkReferences,
  NO_STATIC_RESOURCES,
  readStaticResources,
  type StaticResources,
} from "./bootstrap-static.ts";
import { DEFAULT_ADMIN } from "./default-addresses.ts";
import { type EffectiveSetting, parseSettings, type Settings } from "./settings.ts";

/** Everything a sidecar must know before it starts. */
export interface Bootstrap {
  readonly node: NodeIdentity;
  readonly admin: SocketAddress;
  /** Undefined: static configuration only. */
  readonly dynamic: DynamicResources | undefined;
  readonly resources: StaticResources;
  /** `admin` and `dynamic_resources` as they were written, for dumps. */
  readonly written: JsonObject;
  readonly settings: Settings;
  /** Every setting and where it comes from, for people. */
  readonly effective: readonly EffectiveSetting[];
}

/** What a node is called that nobody named. */
export function defaultNode(): NodeIdentity {
  return {
    id: hostname(),
    cluster: "dashpot",
    locality: { region: "", zone: "", subZone: "" },
    metadata: {},
  };
}

const HONOURED = ["node", "admin", "static_resources", "dynamic_resources"];

/**
 * Reads an Envoy v3 bootstrap with the additional top-level block `dashpot:`. All problems at once, each under its path; the result
 * may be used only when none of them is an error.
 */
export function readBootstrap(document: unknown, environment: Environment, problems: Problems): Bootstrap {
  const { dashpot, ...envoy } = isMapping(document) ? document : { dashpot: undefined };
  if (!isMapping(document)) problems.error("", "must be a mapping: an Envoy v3 bootstrap");
  const { settings, effective } = parseSettings(dashpot, environment, problems);
  const root: Part = { value: envoy as JsonObject, path: "" };
  const fields = honouredFields(BootstrapSchema, root, HONOURED, problems, ["dashpot"]);

  const context = { ...STATIC_CONTEXT, allowUnverifiedUpstream: settings.allowUnverifiedUpstream };
  const staticPart = fields.get("static_resources");
  const resources = staticPart ? readStaticResources(staticPart, context, problems) : NO_STATIC_RESOURCES;
  const clusters = new Map(Array.from(resources.clusters, ([name, { value }]) => [name, value]));
  const dynamicPart = fields.get("dynamic_resources");
  const dynamic = dynamicPart && readDynamicResources(dynamicPart, clusters, problems);
  const named = {
    server: dynamicPart !== undefined,
    clusters: dynamic?.clusters ?? dynamicPart !== undefined,
  };
  // A resource that could not be read is missing already: what refers to it would be a second complaint about one fault.
  if (!problems.failed) checkReferences(resources, named, problems);
  checkProtocols(resources, dynamic?.serverCluster ?? "", problems);

  return {
    node: readNode(fields.get("node"), problems),
    admin: readAdmin(fields.get("admin"), settings, problems),
    dynamic,
    resources,
    written: asWritten(fields, ["admin", "dynamic_resources"]),
    settings,
    effective,
  };
}

function asWritten(fields: ReadonlyMap<string, Part>, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const part = fields.get(name);
      return part === undefined ? [] : [[name, part.value]];
    }),
  );
}

function readNode(part: Part | undefined, problems: Problems): NodeIdentity {
  const fallback = defaultNode();
  const node = part && readMessage(NodeSchema, part, ["id", "cluster", "locality", "metadata"], problems);
  if (node === undefined) return fallback;
  return {
    id: node.id || fallback.id,
    cluster: node.cluster || fallback.cluster,
    locality: {
      region: node.locality?.region ?? "",
      zone: node.locality?.zone ?? "",
      subZone: node.locality?.subZone ?? "",
    },
    metadata: node.metadata ?? {},
  };
}

function readAdmin(part: Part | undefined, settings: Settings, problems: Problems): SocketAddress {
  if (part === undefined) return DEFAULT_ADMIN;
  const address = honouredFields(AdminSchema, part, ["address"], problems).get("address");
  if (address === undefined) return DEFAULT_ADMIN;
  const message = readMessage(AddressSchema, address, ["socket_address"], problems);
  if (message === undefined) return DEFAULT_ADMIN;
  if (message.address.case !== "socketAddress") {
    problems.error(address.path, "must hold a socket_address");
    return DEFAULT_ADMIN;
  }
  const { address: host, portSpecifier } = message.address.value;
  if (portSpecifier.case !== "portValue" || portSpecifier.value > 65_535) {
    problems.error(address.path, "must have a port_value from 0 to 65535");
    return DEFAULT_ADMIN;
  }
  checkAdmin(host, address.path, settings, problems);
  return { host, port: portSpecifier.value };
}

/** The admin interface shows all configuration and can end the sidecar. */
function checkAdmin(host: string, path: string, settings: Settings, problems: Problems): void {
  if (isLoopbackAddress(host)) return;
  if (settings.adminAllowRemote && settings.adminTokenFile !== "") return;
  const allowed = "any other needs dashpot.admin_allow_remote and dashpot.admin_token_file";
  problems.error(path, `must be a loopback address, not ${JSON.stringify(host)}: ${allowed}`);
}
