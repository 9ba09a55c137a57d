import { isMessage, type Message } from "@bufbuild/protobuf";
import { PeakEwmaSchema } from "../proto/gen/contrib/envoy/extensions/load_balancing_policies/peak_ewma/v3alpha/peak_ewma_pb.js";
import {
  type Cluster as ClusterProto,
  Cluster_LbPolicy as LbPolicy,
  type LoadBalancingPolicy,
} from "../proto/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClientSideWeightedRoundRobinSchema } from "../proto/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import {
  type ConsistentHashingLbConfig,
  ConsistentHashingLbConfigSchema,
} from "../proto/gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.js";
import {
  LeastRequestSchema,
  LeastRequest_SelectionMethod as SelectionMethod,
} from "../proto/gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { MaglevSchema } from "../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { RandomSchema } from "../proto/gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import { RingHashSchema } from "../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { RoundRobinSchema } from "../proto/gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { WrrLocalitySchema } from "../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js";
import { type Content, openAny } from "./any-from-proto.ts";
import {
  clientSideWeightedOf,
  leastRequestOf,
  maglevOf,
  peakEwmaOf,
  ringHashOf,
  slowStartOf,
} from "./balancing-options.ts";
import type { BalancingPolicy, LocalityPolicy } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { localityPolicyOf } from "./locality-from-proto.ts";
import { NO_LOCALITY } from "./no-locality.ts";
import { ownPolicyOf } from "./own-policies.ts";
import type { Scope } from "./scope.ts";

export interface Balancing {
  readonly balancing: BalancingPolicy;
  readonly locality: LocalityPolicy;
}

// The route's hash policy is followed; one of the cluster's own is not.
const checkHashing = fieldCheck(ConsistentHashingLbConfigSchema, {
  honoured: ["use_hostname_for_hashing", "hash_balance_factor"],
});

const DEFAULT: BalancingPolicy = Object.freeze({ kind: "default" });

/** `load_balancing_policy` wins over `lb_policy`; without either, the sidecar's default policy balances. */
export function balancingOf(scope: Scope, cluster: ClusterProto): Balancing {
  const ofCluster = localityPolicyOf(scope.at("common_lb_config"), cluster.commonLbConfig);
  if (cluster.loadBalancingPolicy !== undefined) {
    const chosen = policyListOf(scope.at("load_balancing_policy"), cluster.loadBalancingPolicy);
    return { balancing: chosen?.balancing ?? DEFAULT, locality: chosen?.locality ?? ofCluster };
  }
  return { balancing: policyOfEnum(scope, cluster), locality: ofCluster };
}

/** The older way: an enum, and beside it the options of its policy. */
function policyOfEnum(scope: Scope, { lbPolicy, lbConfig, commonLbConfig }: ClusterProto): BalancingPolicy {
  const hashing = commonLbConfig?.consistentHashingLbConfig;
  switch (lbPolicy) {
    case LbPolicy.ROUND_ROBIN: {
      // Zero is also how "unset" looks on the wire; options for round robin show that it was meant.
      if (lbConfig.case !== "roundRobinLbConfig") return DEFAULT;
      const place = scope.at("round_robin_lb_config");
      return {
        kind: "round_robin",
        slowStart: slowStartOf(place.at("slow_start_config"), lbConfig.value.slowStartConfig),
      };
    }
    case LbPolicy.LEAST_REQUEST:
      return leastRequestOf(
        scope.at("least_request_lb_config"),
        lbConfig.case === "leastRequestLbConfig" ? lbConfig.value : {},
      );
    case LbPolicy.RANDOM:
      return { kind: "random" };
    case LbPolicy.RING_HASH: {
      const config = lbConfig.case === "ringHashLbConfig" ? lbConfig.value : undefined;
      return ringHashOf(
        scope.at("ring_hash_lb_config"),
        { ...config, murmur: config?.hashFunction === 1 },
        hashing,
      );
    }
    case LbPolicy.MAGLEV:
      return maglevOf(
        scope.at("maglev_lb_config"),
        lbConfig.case === "maglevLbConfig" ? lbConfig.value : {},
        hashing,
      );
    case LbPolicy.LOAD_BALANCING_POLICY_CONFIG:
      scope.at("load_balancing_policy").error("is required where lb_policy is LOAD_BALANCING_POLICY_CONFIG");
      return DEFAULT;
    default:
      scope
        .at("lb_policy")
        .error(
          "must be ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV or LOAD_BALANCING_POLICY_CONFIG",
        );
      return DEFAULT;
  }
}

interface Chosen {
  readonly balancing: BalancingPolicy;
  /** Undefined where the policy leaves localities to the cluster. */
  readonly locality: LocalityPolicy | undefined;
}

/** The first policy of the list that is supported; one that is supported and wrong is not passed over (gRFC A52). */
function policyListOf(scope: Scope, list: LoadBalancingPolicy): Chosen | undefined {
  const seen: string[] = [];
  for (const [index, { typedExtensionConfig: extension }] of list.policies.entries()) {
    const place = scope.at("policies").at(index).at("typed_extension_config");
    const content = openAny(place.at("typed_config"), extension?.typedConfig);
    if (content === undefined) return undefined;
    const chosen = supportedPolicyOf(content);
    if (chosen === "wrong") return undefined;
    if (chosen !== "unsupported") return chosen;
    seen.push(content.type);
  }
  const found = seen.length === 0 ? "is empty" : `holds only ${seen.slice(0, 8).join(", ")}`;
  scope.at("policies").error(`names no policy that is supported: it ${found}`);
  return undefined;
}

function supportedPolicyOf(content: Content): Chosen | "unsupported" | "wrong" {
  const { scope } = content;
  if (content.kind === "struct") {
    const balancing = ownPolicyOf(scope.at("value"), content.type, content.value);
    return balancing ? { balancing, locality: undefined } : "unsupported";
  }
  if (content.kind === "unknown") return "unsupported";
  if (isMessage(content.message, WrrLocalitySchema)) {
    const inner = content.message.endpointPickingPolicy;
    const place = scope.at("endpoint_picking_policy");
    if (inner === undefined) place.error("is required");
    const chosen = inner && policyListOf(place, inner);
    return chosen ? { ...chosen, locality: { ...NO_LOCALITY, kind: "weighted" } } : "wrong";
  }
  return messagePolicyOf(scope, content.message);
}

function messagePolicyOf(scope: Scope, message: Message): Chosen | "unsupported" {
  const locality = scope.at("locality_lb_config");
  if (isMessage(message, RoundRobinSchema)) {
    const slowStart = slowStartOf(scope.at("slow_start_config"), message.slowStartConfig);
    return {
      balancing: { kind: "round_robin", slowStart },
      locality: localityPolicyOf(locality, message.localityLbConfig),
    };
  }
  if (isMessage(message, LeastRequestSchema)) {
    const fullScan = message.enableFullScan ?? message.selectionMethod === SelectionMethod.FULL_SCAN;
    const balancing = leastRequestOf(scope, { ...message, fullScan });
    return { balancing, locality: localityPolicyOf(locality, message.localityLbConfig) };
  }
  if (isMessage(message, RandomSchema)) {
    return { balancing: { kind: "random" }, locality: localityPolicyOf(locality, message.localityLbConfig) };
  }
  if (isMessage(message, RingHashSchema)) {
    const { useHostnameForHashing, hashBalanceFactor, consistentHashingLbConfig } = message;
    const hashing = consistentHashingLbConfig ?? { useHostnameForHashing, hashBalanceFactor };
    warnOfHashing(scope, consistentHashingLbConfig);
    const balancing = ringHashOf(scope, { ...message, murmur: message.hashFunction === 2 }, hashing);
    return { balancing, locality: weightedWhere(message.localityWeightedLbConfig) };
  }
  if (isMessage(message, MaglevSchema)) {
    warnOfHashing(scope, message.consistentHashingLbConfig);
    const balancing = maglevOf(scope, message, message.consistentHashingLbConfig);
    return { balancing, locality: weightedWhere(message.localityWeightedLbConfig) };
  }
  if (isMessage(message, ClientSideWeightedRoundRobinSchema)) {
    return { balancing: clientSideWeightedOf(scope, message), locality: undefined };
  }
  if (isMessage(message, PeakEwmaSchema))
    return { balancing: peakEwmaOf(scope, message), locality: undefined };
  return "unsupported";
}

function warnOfHashing(scope: Scope, config: ConsistentHashingLbConfig | undefined): void {
  if (config !== undefined) checkHashing(scope.at("consistent_hashing_lb_config"), config);
}

function weightedWhere(config: unknown): LocalityPolicy {
  return config === undefined ? NO_LOCALITY : { ...NO_LOCALITY, kind: "weighted" };
}
