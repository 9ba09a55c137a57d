import type { JsonObject } from "@bufbuild/protobuf";
import { type Fields, isMapping } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { CDS, EDS } from "../protocol/server-snapshot.ts";
import {
  type Draft,
  defined,
  durationJson,
  type Origin,
  originsBelow,
  withSeconds,
  wrapped,
} from "./mesh-draft.ts";
import { readAssignment } from "./mesh-endpoints.ts";
import { readHealthChecks } from "./mesh-health-checks.ts";
import { readPolicy } from "./mesh-policy.ts";
import { readTls } from "./mesh-tls.ts";

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
