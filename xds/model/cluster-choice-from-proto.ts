import {
  type WeightedCluster_ClusterWeight as ClusterWeight,
  WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  type RouteAction,
  type WeightedCluster,
  WeightedClusterSchema,
} from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import { routeFaultOf } from "./fault-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { headerNameOf } from "./header-match-from-proto.ts";
import { headerMutationsOf, MUTATION_FIELDS } from "./headers-from-proto.ts";
import type { ClusterChoice, WeightedCluster as WeightedClusterModel } from "./route-table.ts";
import { textOf, UINT32_MAX } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkWeighted = fieldCheck(WeightedClusterSchema, {
  honoured: ["clusters", "total_weight"],
  harmless: ["runtime_key_prefix"],
  refused: {
    header_name: "is not supported: the split would follow another source of chance",
    use_hash_policy: "is not supported: the split would follow another source of chance",
  },
});
const checkWeight = fieldCheck(ClusterWeightSchema, {
  honoured: ["name", "weight", "typed_per_filter_config", ...MUTATION_FIELDS],
  refused: {
    cluster_header: "is not supported: name the cluster",
    metadata_match: "is not supported: requests would go to other endpoints",
    host_rewrite_literal: "is not supported: the upstream would see another host; set it on the route",
  },
});

/** Undefined after noting a problem. */
export function clusterChoiceOf(scope: Scope, { clusterSpecifier }: RouteAction): ClusterChoice | undefined {
  switch (clusterSpecifier.case) {
    case "cluster":
      return { kind: "cluster", cluster: textOf(scope, "cluster", clusterSpecifier.value, "required") };
    case "clusterHeader":
      return { kind: "header", header: headerNameOf(scope, "cluster_header", clusterSpecifier.value) };
    case "weightedClusters":
      return weightedOf(scope.at("weighted_clusters"), clusterSpecifier.value);
    case undefined:
      scope.error("needs one of cluster, weighted_clusters, cluster_header");
      return undefined;
    default:
      return undefined;
  }
}

function weightedOf(scope: Scope, message: WeightedCluster): ClusterChoice {
  checkWeighted(scope, message);
  const place = scope.at("clusters");
  const clusters = message.clusters.map((cluster, index) => weightOf(place.at(index), cluster));
  const totalWeight = clusters.reduce((sum, cluster) => sum + cluster.weight, 0);
  if (totalWeight === 0) place.error("must have a weight over 0");
  if (totalWeight > UINT32_MAX) place.error(`has weights that add up to ${totalWeight}, over ${UINT32_MAX}`);
  const stated = message.totalWeight ?? 0;
  if (stated !== 0 && stated !== totalWeight) {
    scope
      .at("total_weight")
      .error(`must be the sum of the weights, ${totalWeight}, or left out; it is ${stated}`);
  }
  return { kind: "weighted", clusters };
}

function weightOf(scope: Scope, message: ClusterWeight): WeightedClusterModel {
  checkWeight(scope, message);
  return {
    cluster: textOf(scope, "name", message.name, "required"),
    weight: message.weight ?? 0,
    ...headerMutationsOf(scope, message),
    fault: routeFaultOf(scope.at("typed_per_filter_config"), message.typedPerFilterConfig),
  };
}
