import {
  type Cluster as ClusterProto,
  Cluster_DiscoveryType as DiscoveryType,
} from "../proto/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { AddressRule } from "./address-from-proto.ts";
import type { Discovery } from "./cluster.ts";
import { initialFetchTimeoutOf } from "./config-source.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import { readAssignment } from "./endpoints-from-proto.ts";
import { durationMs, textOf, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const ADDRESSES: AddressRule = { host: "ip", portZero: "refused" };
const NAMES: AddressRule = { host: "ip_or_name", portZero: "refused" };
const DEFAULT_DNS_REFRESH_MS = 5_000;
/** In the order of DnsLookupFamily. AUTO takes one family where both are there; IPv4 is the one that works everywhere. */
const FAMILIES = ["v4_preferred", "v4_only", "v6_only", "v4_preferred", "all"] as const;

/** Where a cluster's endpoints come from; undefined after noting a problem. */
export function discoveryOf(scope: Scope, cluster: ClusterProto): Discovery | undefined {
  const { clusterDiscoveryType: type } = cluster;
  if (type.case === "clusterType") return undefined;
  switch (type.value ?? DiscoveryType.STATIC) {
    case DiscoveryType.EDS:
      return edsOf(scope, cluster);
    case DiscoveryType.STATIC: {
      const assignment = assignmentOf(scope, cluster, ADDRESSES);
      return assignment && { kind: "static", assignment };
    }
    case DiscoveryType.STRICT_DNS:
      return dnsOf(scope, cluster, false);
    case DiscoveryType.LOGICAL_DNS:
      return dnsOf(scope, cluster, true);
    default:
      scope.at("type").error("must be EDS, STATIC, STRICT_DNS or LOGICAL_DNS");
      return undefined;
  }
}

function edsOf(scope: Scope, { name, edsClusterConfig, loadAssignment }: ClusterProto): Discovery {
  const place = scope.at("eds_cluster_config");
  if (loadAssignment !== undefined)
    scope.at("load_assignment").error("must not be set on a cluster of type EDS");
  const serviceName = textOf(place, "service_name", edsClusterConfig?.serviceName ?? "");
  return {
    kind: "eds",
    serviceName: serviceName === "" ? name : serviceName,
    initialFetchTimeoutMs: initialFetchTimeoutOf(place.at("eds_config"), edsClusterConfig?.edsConfig),
  };
}

function assignmentOf(
  scope: Scope,
  cluster: ClusterProto,
  addresses: AddressRule,
): ClusterLoadAssignment | undefined {
  if (cluster.loadAssignment === undefined) {
    scope.at("load_assignment").error("is required: it lists the endpoints");
    return undefined;
  }
  const name = cluster.loadAssignment.clusterName || cluster.name;
  return readAssignment(scope.at("load_assignment"), cluster.loadAssignment, name, addresses);
}

function dnsOf(scope: Scope, cluster: ClusterProto, logical: boolean): Discovery | undefined {
  const assignment = assignmentOf(scope, cluster, NAMES);
  if (assignment === undefined) return undefined;
  const endpoints = cluster.loadAssignment?.endpoints.flatMap((locality) => locality.lbEndpoints) ?? [];
  if (logical && (assignment.localities.length !== 1 || endpoints.length !== 1)) {
    scope
      .at("load_assignment")
      .at("endpoints")
      .error("must hold exactly one endpoint in a cluster of type LOGICAL_DNS");
  }
  return {
    kind: "dns",
    logical,
    assignment,
    refreshMs: durationMs(
      scope,
      "dns_refresh_rate",
      cluster.dnsRefreshRate,
      DEFAULT_DNS_REFRESH_MS,
      "positive",
    ),
    respectTtl: cluster.respectDnsTtl,
    families: wordOf(scope, "dns_lookup_family", cluster.dnsLookupFamily, FAMILIES),
  };
}
