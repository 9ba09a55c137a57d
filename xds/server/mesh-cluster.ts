import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Fields, type Item, isMapping } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { CDS, EDS } from "../protocol/server-snapshot.ts";
import { type Draft, defined, durationJson, type Origin, originsBelow, withSeconds } from "./mesh-draft.ts";
import { readAssignment } from "./mesh-endpoints.ts";
import { readPolicy } from "./mesh-policy.ts";

const PROTOCOLS = ["http1", "http2", "auto"] as const;
const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const MAX_ENDPOINTS = 100_000;

export const ADS_SOURCE: JsonObject = { ads: {}, resource_api_version: "V3" };

/**
 * The keys of a service that say how it is reached, as a Cluster and its endpoints. Endpoints that are all IP addresses are
 * sent by EDS, so that changing them touches no connection settings; one with a host name makes the cluster STRICT_DNS.
 * Without the key `endpoints` there is no cluster: such a service only routes to others.
 */
export function readCluster(service: Fields, name: string, problems: Problems): Draft[] {
  const items = service.list("endpoints", MAX_ENDPOINTS);
  const assignment = readAssignment(name, items ?? [], problems);
  const connectTimeout = service.duration("connect_timeout", { min: 1, max: 3_600_000 });
  const origins: Origin[] = [{ inResource: "", inFile: service.path }];
  const policy = service.has("policy")
    ? readPolicy(service.raw("policy"), service.at("policy"), problems)
    : undefined;
  if (policy) origins.push(...originsBelow("load_balancing_policy", policy.origins));

  const json = defined({
    name,
    connect_timeout: connectTimeout === undefined ? undefined : durationJson(connectTimeout),
    load_balancing_policy: policy?.json,
    outlier_detection: sameShape(service, "outlier_detection", "outlier_detection", origins, problems),
    circuit_breakers: wrapped(
      sameShape(service, "circuit_breakers", "circuit_breakers.thresholds[0]", origins, problems),
      (thresholds) => ({ thresholds: [{ priority: "DEFAULT", ...thresholds }] }),
    ),
    health_checks: readHealthChecks(service, origins, problems),
    transport_socket: readTls(service, origins),
    typed_extension_protocol_options: wrapped(service.oneOf("protocol", PROTOCOLS), protocolOptions),
  });

  if (!items) return [];
  if (assignment.allIp) {
    const cluster = {
      ...json,
      type: "EDS",
      eds_cluster_config: { eds_config: ADS_SOURCE },
    };
    return [
      { typeUrl: CDS, json: cluster, origins },
      {
        typeUrl: EDS,
        json: assignment.json,
        origins: [{ inResource: "", inFile: service.at("endpoints") }, ...assignment.origins],
      },
    ];
  }
  const below = originsBelow("load_assignment", assignment.origins);
  const cluster = { ...json, type: "STRICT_DNS", load_assignment: assignment.json };
  return [{ typeUrl: CDS, json: cluster, origins: [...origins, ...below] }];
}

function wrapped<T>(value: T | undefined, wrap: (value: T) => JsonValue): JsonValue | undefined {
  return value === undefined ? undefined : wrap(value);
}

/** A part whose keys are those of Envoy's message: it is copied, and the check of the resource speaks about its keys. */
function sameShape(
  service: Fields,
  key: string,
  inResource: string,
  origins: Origin[],
  problems: Problems,
): JsonObject | undefined {
  const value = service.raw(key);
  if (value === undefined) return undefined;
  origins.push({ inResource, inFile: service.at(key), sameShape: true });
  if (isMapping(value)) return withSeconds(value) as JsonObject;
  problems.error(service.at(key), "must be a mapping of keys to values");
  return undefined;
}

function readHealthChecks(service: Fields, origins: Origin[], problems: Problems) {
  const items = service.list("health_checks", 16);
  return items?.map((item, index) => {
    origins.push({ inResource: `health_checks[${index}]`, inFile: item.path });
    return readHealthCheck(item, problems);
  });
}

/** A check over HTTP (`path`), gRPC (`grpc`, the service's name or "") or by connecting (`tcp: true`). */
function readHealthCheck({ value, path }: Item, problems: Problems): JsonObject {
  const check = Fields.of(value, path, problems);
  if (!check) return {};
  const httpPath = check.nonEmptyString("path");
  const host = check.string("host", 255);
  const grpc = check.string("grpc", 255);
  const tcp = check.boolean("tcp");
  const statuses = check.list("expected_statuses", 32)?.map((status) => readStatuses(status, problems));
  if ([httpPath !== undefined, grpc !== undefined, tcp === true].filter(Boolean).length !== 1) {
    problems.error(path, 'needs exactly one of "path" (HTTP), "grpc" and "tcp: true"');
  }
  const json = defined({
    timeout: durationJson(check.duration("timeout", { min: 1, max: 3_600_000 }) ?? 1_000),
    interval: durationJson(check.duration("interval", { min: 1, max: 86_400_000 }) ?? 10_000),
    healthy_threshold: check.integer("healthy_threshold", { min: 1, max: 1_000 }) ?? 2,
    unhealthy_threshold: check.integer("unhealthy_threshold", { min: 1, max: 1_000 }) ?? 3,
    http_health_check: wrapped(httpPath, () =>
      defined({ path: httpPath, host, expected_statuses: statuses }),
    ),
    grpc_health_check: wrapped(grpc, (service_name) => ({ service_name })),
    tcp_health_check: tcp === true ? {} : undefined,
  });
  check.close();
  return json;
}

/** `204` or `200-299`, as the half-open range that Envoy writes. */
function readStatuses({ value, path }: Item, problems: Problems): JsonObject {
  const [from, to] = /^\d{3}(-\d{3})?$/.test(String(value)) ? String(value).split("-").map(Number) : [];
  if (from === undefined || (to !== undefined && to < from)) {
    problems.error(path, 'must be a status such as 204 or a range such as "200-299"');
    return { start: "200", end: "201" };
  }
  return { start: String(from), end: String((to ?? from) + 1) };
}

/** TLS towards the endpoints. Keys and certificates are named as files: they never pass through the control server. */
function readTls(service: Fields, origins: Origin[]): JsonObject | undefined {
  const tls = service.mapping("tls");
  if (!tls) return undefined;
  origins.push({ inResource: "transport_socket", inFile: service.at("tls") });
  const ca = tls.nonEmptyString("ca_file", 4096);
  const certificate = tls.nonEmptyString("certificate_file", 4096);
  const key = tls.nonEmptyString("private_key_file", 4096);
  const names = tls.strings("subject_alt_names", 64)?.map((name) => ({
    san_type: name.includes("://") ? "URI" : "DNS",
    matcher: { exact: name },
  }));
  if ((certificate === undefined) !== (key === undefined)) {
    tls.error(
      certificate === undefined ? "private_key_file" : "certificate_file",
      'needs both "certificate_file" and "private_key_file"',
    );
  }
  const context = defined({
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    sni: tls.string("sni", 255),
    common_tls_context: defined({
      tls_certificates: wrapped(certificate, () => [
        { certificate_chain: { filename: certificate! }, private_key: { filename: key ?? "" } },
      ]),
      validation_context: defined({
        trusted_ca: ca === undefined ? { system_root_certs: {} } : { filename: ca },
        match_typed_subject_alt_names: names,
      }),
    }),
  });
  tls.close();
  return { name: "envoy.transport_sockets.tls", typed_config: context };
}

function protocolOptions(protocol: (typeof PROTOCOLS)[number]): JsonObject {
  const choice =
    protocol === "auto"
      ? { auto_config: {} }
      : {
          explicit_http_config:
            protocol === "http2" ? { http2_protocol_options: {} } : { http_protocol_options: {} },
        };
  return { [HTTP_OPTIONS]: { "@type": `type.googleapis.com/${HTTP_OPTIONS}`, ...choice } };
}
