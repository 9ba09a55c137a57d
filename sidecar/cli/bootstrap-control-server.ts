import type { JsonValue } from "@bufbuild/protobuf";
import type { XdsServer } from "../../xds/client/xds-server.ts";
import { describe } from "../../xds/common/fields.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import type { Problems } from "../../xds/common/problem.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { PemSource } from "../../xds/model/tls.ts";
import { Bootstrap_DynamicResourcesSchema } from "../../xds/proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { DataSource } from "../../xds/proto/gen/envoy/config/core/v3/base_pb.js";
import {
  ApiConfigSource_ApiType,
  ApiConfigSourceSchema,
  ApiVersion,
  ConfigSourceSchema,
} from "../../xds/proto/gen/envoy/config/core/v3/config_source_pb.js";
import {
  GrpcService_EnvoyGrpcSchema,
  type GrpcService_GoogleGrpc,
  GrpcService_GoogleGrpcSchema,
  GrpcServiceSchema,
} from "../../xds/proto/gen/envoy/config/core/v3/grpc_service_pb.js";
import { honouredFields, items, type Part, readMessage } from "./bootstrap-part.ts";

/** Where dynamic resources come from, and which of the two roots are dynamic. */
export interface DynamicResources {
  readonly server: XdsServer;
  /** The static cluster that is the control server; empty: it is named by a target of its own. */
  readonly serverCluster: string;
  readonly listeners: boolean;
  readonly clusters: boolean;
}

/** Reads `dynamic_resources`: ADS over gRPC from the static cluster that is named, or from a `google_grpc` target. */
export function readDynamicResources(
  part: Part,
  staticClusters: ReadonlyMap<string, Cluster>,
  problems: Problems,
): DynamicResources | undefined {
  const fields = honouredFields(
    Bootstrap_DynamicResourcesSchema,
    part,
    ["ads_config", "lds_config", "cds_config"],
    problems,
  );
  const listeners = isAds(fields.get("lds_config"), problems);
  const clusters = isAds(fields.get("cds_config"), problems);
  const ads = fields.get("ads_config");
  if (ads === undefined) {
    if (fields.size > 0)
      problems.error(part.path, "ads_config is missing: it says where the control server is");
    return undefined;
  }
  if (!fields.has("lds_config") && !fields.has("cds_config")) {
    problems.warn(
      part.path,
      "names neither lds_config nor cds_config, so only static resources use the control server",
    );
  }
  const found = readAds(ads, staticClusters, problems);
  return found && { ...found, listeners, clusters };
}

function isAds(part: Part | undefined, problems: Problems): boolean {
  if (part === undefined) return false;
  const fields = ["ads", "resource_api_version"];
  const source = readMessage(ConfigSourceSchema, part, fields, problems);
  if (source === undefined) return false;
  if (source.configSourceSpecifier.case === "ads") return true;
  problems.error(part.path, 'must be "ads: {}": other sources are not supported');
  return false;
}

type Server = Pick<DynamicResources, "server" | "serverCluster">;

function readAds(
  part: Part,
  staticClusters: ReadonlyMap<string, Cluster>,
  problems: Problems,
): Server | undefined {
  const kinds = ["api_type", "transport_api_version", "set_node_on_first_message_only", "grpc_services"];
  const fields = honouredFields(ApiConfigSourceSchema, part, kinds, problems);
  onlyOneOf(fields.get("api_type"), ["GRPC", ApiConfigSource_ApiType.GRPC], problems);
  onlyOneOf(fields.get("transport_api_version"), ["V3", ApiVersion.V3, "AUTO", ApiVersion.AUTO], problems);
  const services = items(fields.get("grpc_services"), problems);
  const [service, ...others] = services;
  if (service === undefined) {
    problems.error(part.path, "grpc_services is missing: it names the control server");
    return undefined;
  }
  for (const other of others) problems.warn(other.path, "only the first control server is used");
  const kind = honouredFields(GrpcServiceSchema, service, ["envoy_grpc", "google_grpc"], problems);
  const envoy = kind.get("envoy_grpc");
  const google = kind.get("google_grpc");
  if (envoy !== undefined && google === undefined) return fromEnvoyGrpc(envoy, staticClusters, problems);
  if (google !== undefined && envoy === undefined) return fromGoogleGrpc(google, problems);
  problems.error(service.path, "must hold either envoy_grpc or google_grpc");
  return undefined;
}

/** An enum that has one value which is supported, as its word (the first of `allowed`) or its number. */
function onlyOneOf(part: Part | undefined, allowed: readonly JsonValue[], problems: Problems): void {
  if (part === undefined || allowed.includes(part.value)) return;
  problems.error(
    part.path,
    `must be ${allowed[0]}: nothing else is supported, and this is ${describe(part.value)}`,
  );
}

function fromEnvoyGrpc(
  part: Part,
  staticClusters: ReadonlyMap<string, Cluster>,
  problems: Problems,
): Server | undefined {
  const grpc = readMessage(GrpcService_EnvoyGrpcSchema, part, ["cluster_name"], problems);
  if (grpc === undefined) return undefined;
  const path = `${part.path}.cluster_name`;
  const cluster = staticClusters.get(grpc.clusterName);
  if (cluster === undefined) {
    const near = didYouMean(grpc.clusterName, staticClusters.keys());
    problems.error(
      path,
      `names ${JSON.stringify(grpc.clusterName)}, which is no cluster of static_resources${near}`,
    );
    return undefined;
  }
  if (cluster.discovery.kind === "eds") {
    problems.error(
      path,
      "names a cluster of type EDS: its address must be known before there is a control server",
    );
    return undefined;
  }
  const addresses = cluster.discovery.assignment.localities.flatMap(({ endpoints }) => endpoints);
  const [first, ...others] = addresses.map(({ host, port }) => endpointAddress(host, port));
  if (first === undefined) {
    problems.error(path, `names cluster ${JSON.stringify(cluster.name)}, which has no endpoints`);
    return undefined;
  }
  const { tls } = cluster;
  if ((tls?.validation?.subjectAltNames.length ?? 0) > 0) {
    problems.error(
      path,
      "names a cluster that matches subject_alt_names: to the control server only sni is supported",
    );
    return undefined;
  }
  const allIPv4 = addresses.every(({ host }) => /^[\d.]+$/.test(host));
  if (others.length > 0 && !allIPv4)
    problems.warn(path, `only the first address of the cluster, ${first}, is used`);
  const server = {
    target: others.length > 0 && allIPv4 ? `ipv4:${[first, ...others].join(",")}` : first,
    tls: tls && { trustedCa: tls.validation?.trustedCa, certificate: tls.certificate, serverName: tls.sni },
  };
  return { server, serverCluster: cluster.name };
}

function fromGoogleGrpc(part: Part, problems: Problems): Server | undefined {
  const honoured = ["target_uri", "channel_credentials", "stat_prefix"];
  const grpc = readMessage(GrpcService_GoogleGrpcSchema, part, honoured, problems);
  if (grpc === undefined) return undefined;
  if (grpc.targetUri === "") {
    problems.error(part.path, "target_uri is missing");
    return undefined;
  }
  const server = { target: grpc.targetUri, tls: googleCredentials(grpc, part.path, problems) };
  return { server, serverCluster: "" };
}

function googleCredentials(grpc: GrpcService_GoogleGrpc, path: string, problems: Problems): XdsServer["tls"] {
  const credentials = grpc.channelCredentials?.credentialSpecifier;
  if (credentials === undefined || credentials.case === undefined) return undefined;
  const at = `${path}.channel_credentials`;
  if (credentials.case !== "sslCredentials") {
    problems.error(at, "must be ssl_credentials, or absent for plain text");
    return undefined;
  }
  const { rootCerts, certChain, privateKey } = credentials.value;
  const trustedCa = pemSource(rootCerts, `${at}.root_certs`, problems);
  const chain = pemSource(certChain, `${at}.cert_chain`, problems);
  const key = pemSource(privateKey, `${at}.private_key`, problems);
  if ((chain === undefined) !== (key === undefined)) {
    problems.error(at, "must have both cert_chain and private_key, or neither");
  }
  return {
    trustedCa,
    certificate: chain && key && { chain, privateKey: key },
    serverName: "",
  };
}

function pemSource(source: DataSource | undefined, path: string, problems: Problems): PemSource | undefined {
  if (source === undefined) return undefined;
  switch (source.specifier.case) {
    case "filename":
      return { kind: "file", path: source.specifier.value };
    case "inlineString":
      return { kind: "inline", pem: source.specifier.value };
    case "inlineBytes":
      return { kind: "inline", pem: Buffer.from(source.specifier.value).toString() };
    default:
      problems.error(path, "must be a filename, an inline_string or inline_bytes");
      return undefined;
  }
}
