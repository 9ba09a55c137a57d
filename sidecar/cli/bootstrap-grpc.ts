import type { JsonObject } from "@bufbuild/protobuf";
import type { NodeIdentity } from "../../xds/client/node-identity.ts";
import type { XdsServer, XdsServerTls } from "../../xds/client/xds-server.ts";
import type { Environment } from "../../xds/common/environment.ts";
import { describe, isMapping } from "../../xds/common/fields.ts";
import type { Problems } from "../../xds/common/problem.ts";
import { type Bootstrap, defaultNode } from "./bootstrap.ts";
import { NO_STATIC_RESOURCES } from "./bootstrap-static.ts";
import { DEFAULT_ADMIN } from "./default-addresses.ts";
import { parseSettings } from "./settings.ts";

/** Reads the bootstrap file of gRPC's xDS clients (gRFC A27, A65). Unknown fields are ignored, as A27 asks. */
export function readGrpcBootstrap(
  document: unknown,
  environment: Environment,
  problems: Problems,
): Bootstrap {
  const { settings, effective } = parseSettings(undefined, environment, problems);
  const { xds_servers: servers, node } = mapping(document, "", problems);
  const server = readServer(servers, problems);
  return {
    node: readNode(node, problems),
    admin: DEFAULT_ADMIN,
    dynamic: server && { server, serverCluster: "", listeners: true, clusters: true },
    resources: NO_STATIC_RESOURCES,
    written: {},
    settings,
    effective,
  };
}

function readServer(value: unknown, problems: Problems): XdsServer | undefined {
  const path = "xds_servers";
  if (!Array.isArray(value) || value.length === 0) {
    problems.error(path, "must be a list with at least one control server");
    return undefined;
  }
  if (value.length > 1) problems.warn(`${path}[1]`, "only the first control server is used");
  const { server_uri: uri, channel_creds: creds } = mapping(value[0], `${path}[0]`, problems);
  const target = text(uri, `${path}[0].server_uri`, problems);
  if (target === "")
    problems.error(`${path}[0].server_uri`, "is missing: it says where the control server is");
  const at = `${path}[0].channel_creds`;
  const credentials = Array.isArray(creds) ? creds : [];
  for (const [index, entry] of credentials.entries()) {
    const { type, config } = mapping(entry, `${at}[${index}]`, problems);
    if (type === "insecure") return { target, tls: undefined };
    if (type === "tls") return { target, tls: readTls(config, `${at}[${index}].config`, problems) };
  }
  problems.error(at, 'must hold an entry of type "insecure" or "tls"');
  return undefined;
}

function readTls(value: unknown, path: string, problems: Problems): XdsServerTls {
  const config = value === undefined ? {} : mapping(value, path, problems);
  const file = (key: string) => {
    const name = text(config[key], `${path}.${key}`, problems);
    return name === "" ? undefined : ({ kind: "file", path: name } as const);
  };
  const chain = file("certificate_file");
  const privateKey = file("private_key_file");
  if ((chain === undefined) !== (privateKey === undefined)) {
    problems.error(path, "must have both certificate_file and private_key_file, or neither");
  }
  return {
    trustedCa: file("ca_certificate_file"),
    certificate: chain && privateKey && { chain, privateKey },
    serverName: "",
  };
}

function readNode(value: unknown, problems: Problems): NodeIdentity {
  const fallback = defaultNode();
  if (value === undefined) return fallback;
  const { id, cluster, locality, metadata } = mapping(value, "node", problems);
  const place = locality === undefined ? {} : mapping(locality, "node.locality", problems);
  const at = (key: string) => text(place[key], `node.locality.${key}`, problems);
  return {
    id: text(id, "node.id", problems) || fallback.id,
    cluster: text(cluster, "node.cluster", problems) || fallback.cluster,
    locality: { region: at("region"), zone: at("zone"), subZone: at("sub_zone") },
    metadata: metadata === undefined ? {} : (mapping(metadata, "node.metadata", problems) as JsonObject),
  };
}

function mapping(value: unknown, path: string, problems: Problems): Readonly<Record<string, unknown>> {
  if (isMapping(value)) return value;
  problems.error(path, `must be a mapping of keys to values, not ${describe(value)}`);
  return {};
}

function text(value: unknown, path: string, problems: Problems): string {
  if (value === undefined || typeof value === "string") return value ?? "";
  problems.error(path, `must be text, not ${describe(value)}`);
  return "";
}
