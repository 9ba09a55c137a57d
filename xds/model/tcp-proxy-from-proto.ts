import {
  TcpProxy_WeightedCluster_ClusterWeightSchema as ClusterWeightSchema,
  type TcpProxy as TcpProxyProto,
  TcpProxySchema,
} from "../proto/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { fieldCheck } from "./field-rules.ts";
import type { TcpProxy } from "./listener.ts";
import { durationMs, inRange, textOf, UINT32_MAX } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const OTHER_ENDPOINTS = "is not supported: connections would go to other endpoints";

const checkProxy = fieldCheck(TcpProxySchema, {
  honoured: ["stat_prefix", "cluster", "weighted_clusters", "idle_timeout", "max_connect_attempts"],
  refused: {
    metadata_match: OTHER_ENDPOINTS,
    tunneling_config: "is not supported: the upstream would not get the CONNECT it waits for",
    on_demand: "is not supported: name a cluster that is there",
  },
});
const checkWeight = fieldCheck(ClusterWeightSchema, {
  honoured: ["name", "weight"],
  refused: { metadata_match: OTHER_ENDPOINTS },
});

const DEFAULT_IDLE_MS = 3_600_000;

/** Defaults are those of tcp_proxy.proto. */
export function tcpProxyOf(scope: Scope, proxy: TcpProxyProto): TcpProxy {
  checkProxy(scope, proxy);
  return {
    kind: "tcp",
    statPrefix: textOf(scope, "stat_prefix", proxy.statPrefix),
    clusters: clustersOf(scope, proxy),
    idleTimeoutMs: durationMs(scope, "idle_timeout", proxy.idleTimeout, DEFAULT_IDLE_MS),
    maxConnectAttempts: inRange(scope, "max_connect_attempts", proxy.maxConnectAttempts, { min: 1 }, 1),
  };
}

function clustersOf(scope: Scope, { clusterSpecifier }: TcpProxyProto): TcpProxy["clusters"] {
  switch (clusterSpecifier.case) {
    case "cluster":
      return [{ cluster: textOf(scope, "cluster", clusterSpecifier.value, "required"), weight: 1 }];
    case "weightedClusters": {
      const place = scope.at("weighted_clusters").at("clusters");
      const clusters = clusterSpecifier.value.clusters.map((entry, index) => {
        checkWeight(place.at(index), entry);
        return {
          cluster: textOf(place.at(index), "name", entry.name, "required"),
          weight: inRange(place.at(index), "weight", entry.weight, { min: 1 }, 1),
        };
      });
      const sum = clusters.reduce((total, { weight }) => total + weight, 0);
      if (sum === 0) place.error("must name at least one cluster");
      if (sum > UINT32_MAX) place.error(`has weights that add up to ${sum}, over ${UINT32_MAX}`);
      return clusters;
    }
    case undefined:
      scope.error("needs one of cluster, weighted_clusters");
      return [];
  }
}
