import { isMessage } from "@bufbuild/protobuf";
import {
  Cluster_CommonLbConfig_ZoneAwareLbConfigSchema as ClusterZoneAwareSchema,
  type Cluster_CommonLbConfig as CommonLbConfig,
} from "../proto/gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  type LocalityLbConfig,
  LocalityLbConfig_ZoneAwareLbConfigSchema as ZoneAwareSchema,
} from "../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.js";
import type { LocalityPolicy } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { NO_LOCALITY } from "./no-locality.ts";
import { percentOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const HONOURED = ["routing_enabled", "min_cluster_size"];
const checkOfCluster = fieldCheck(ClusterZoneAwareSchema, { honoured: HONOURED });
const checkOfPolicy = fieldCheck(ZoneAwareSchema, { honoured: HONOURED });

/** The cluster's own setting and that of a typed policy have the same fields under the same names. */
export function localityPolicyOf(
  scope: Scope,
  config: CommonLbConfig | LocalityLbConfig | undefined,
): LocalityPolicy {
  const specifier = config?.localityConfigSpecifier;
  switch (specifier?.case) {
    case "localityWeightedLbConfig":
      return { ...NO_LOCALITY, kind: "weighted" };
    case "zoneAwareLbConfig": {
      const { value } = specifier;
      const place = scope.at("zone_aware_lb_config");
      if (isMessage(value, ClusterZoneAwareSchema)) checkOfCluster(place, value);
      else checkOfPolicy(place, value);
      return {
        kind: "zone_aware",
        zoneRoutingEnabled: percentOf(
          place,
          "routing_enabled",
          value.routingEnabled,
          NO_LOCALITY.zoneRoutingEnabled,
        ),
        zoneMinClusterSize: Number(value.minClusterSize ?? NO_LOCALITY.zoneMinClusterSize),
      };
    }
    default:
      return NO_LOCALITY;
  }
}
