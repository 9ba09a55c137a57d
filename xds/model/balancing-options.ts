import type { Duration } from "@bufbuild/protobuf/wkt";
import type { PeakEwma } from "../proto/gen/contrib/envoy/extensions/load_balancing_policies/peak_ewma/v3alpha/peak_ewma_pb.js";
import type { RuntimeDouble } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import {
  type ClientSideWeightedRoundRobin,
  ClientSideWeightedRoundRobinSchema,
} from "../proto/gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import type { Percent } from "../proto/gen/envoy/type/v3/percent_pb.js";
import type { BalancingPolicy, SlowStart } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { PEAK_EWMA_DEFAULTS } from "./own-policies.ts";
import { durationMs, inRange, percentOf, textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

/** Options of the policies. Envoy spells most of them twice, in the cluster and in a typed policy, under the same names. */

type Of<K extends BalancingPolicy["kind"]> = Extract<BalancingPolicy, { readonly kind: K }>;

interface SlowStartConfig {
  readonly slowStartWindow?: Duration | undefined;
  readonly aggression?: RuntimeDouble | undefined;
  readonly minWeightPercent?: Percent | undefined;
}

const DEFAULT_MIN_WEIGHT_PERCENT = 10;

/** Defaults are those of common.proto: aggression 1, least weight 10 %. */
export function slowStartOf(scope: Scope, config: SlowStartConfig | undefined): SlowStart | undefined {
  if (config === undefined) return undefined;
  const aggression = config.aggression?.defaultValue;
  return {
    windowMs: durationMs(scope, "slow_start_window", config.slowStartWindow, 0),
    aggression: inRange(
      scope.at("aggression"),
      "default_value",
      aggression,
      { min: Number.MIN_VALUE, max: 1_000 },
      1,
    ),
    minWeight:
      percentOf(scope, "min_weight_percent", config.minWeightPercent, DEFAULT_MIN_WEIGHT_PERCENT) / 100,
  };
}

interface LeastRequestConfig {
  readonly choiceCount?: number | undefined;
  readonly activeRequestBias?: RuntimeDouble | undefined;
  readonly slowStartConfig?: SlowStartConfig | undefined;
  readonly fullScan?: boolean;
}

export function leastRequestOf(scope: Scope, config: LeastRequestConfig): Of<"least_request"> {
  const bias = config.activeRequestBias?.defaultValue;
  return {
    kind: "least_request",
    choiceCount: inRange(scope, "choice_count", config.choiceCount, { min: 2 }, 2),
    activeRequestBias: inRange(
      scope.at("active_request_bias"),
      "default_value",
      bias,
      { min: 0, max: 1_000 },
      1,
    ),
    fullScan: config.fullScan ?? false,
    slowStart: slowStartOf(scope.at("slow_start_config"), config.slowStartConfig),
  };
}

interface HashingConfig {
  readonly useHostnameForHashing: boolean;
  readonly hashBalanceFactor?: number | undefined;
}

function hashingOf(scope: Scope, config: HashingConfig | undefined) {
  return {
    useHostname: config?.useHostnameForHashing ?? false,
    balanceFactor: inRange(scope, "hash_balance_factor", config?.hashBalanceFactor, { min: 100 }, undefined),
  };
}

/** cluster.proto allows rings of this size; the sidecar's own limit is far lower. */
const LARGEST_RING = 8_388_608;
const DEFAULT_RING = 1_024;

interface RingHashConfig {
  readonly minimumRingSize?: bigint | undefined;
  readonly maximumRingSize?: bigint | undefined;
  readonly murmur: boolean;
}

export function ringHashOf(
  scope: Scope,
  config: RingHashConfig,
  hashing: HashingConfig | undefined,
): Of<"ring_hash"> {
  if (config.murmur) scope.at("hash_function").error("must be XX_HASH");
  const sizes = { min: 1, max: LARGEST_RING };
  const minimum = inRange(scope, "minimum_ring_size", config.minimumRingSize, sizes, DEFAULT_RING);
  const maximum = inRange(scope, "maximum_ring_size", config.maximumRingSize, sizes, LARGEST_RING);
  if (minimum > maximum) scope.at("minimum_ring_size").error("must not be over maximum_ring_size");
  const { ringSize } = scope.context.limits;
  if (minimum > ringSize) scope.at("minimum_ring_size").warn(`is cut to this sidecar's limit of ${ringSize}`);
  return {
    kind: "ring_hash",
    minimumSize: Math.min(minimum, ringSize),
    maximumSize: Math.min(maximum, ringSize),
    ...hashingOf(scope, hashing),
  };
}

/** Both from maglev.proto. */
const DEFAULT_TABLE = 65_537;
const LARGEST_TABLE = 5_000_011;

export function maglevOf(
  scope: Scope,
  config: { readonly tableSize?: bigint | undefined },
  hashing: HashingConfig | undefined,
): Of<"maglev"> {
  const tableSize = inRange(
    scope,
    "table_size",
    config.tableSize,
    { min: 2, max: LARGEST_TABLE },
    DEFAULT_TABLE,
  );
  if (!isPrime(tableSize)) scope.at("table_size").error(`must be a prime number, not ${tableSize}`);
  return { kind: "maglev", tableSize, ...hashingOf(scope, hashing) };
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number >= 2;
}

const checkClientSideWeighted = fieldCheck(ClientSideWeightedRoundRobinSchema, {
  honoured: [
    "blackout_period",
    "weight_expiration_period",
    "weight_update_period",
    "error_utilization_penalty",
    "metric_names_for_computing_utilization",
  ],
});
const SHORTEST_WEIGHT_UPDATE_MS = 100;

/** Defaults are those of gRFC A58. */
export function clientSideWeightedOf(
  scope: Scope,
  message: ClientSideWeightedRoundRobin,
): Of<"client_side_weighted_round_robin"> {
  checkClientSideWeighted(scope, message);
  const metrics = scope.at("metric_names_for_computing_utilization");
  return {
    kind: "client_side_weighted_round_robin",
    blackoutMs: durationMs(scope, "blackout_period", message.blackoutPeriod, 10_000),
    weightExpirationMs: durationMs(
      scope,
      "weight_expiration_period",
      message.weightExpirationPeriod,
      180_000,
    ),
    weightUpdateMs: Math.max(
      SHORTEST_WEIGHT_UPDATE_MS,
      durationMs(scope, "weight_update_period", message.weightUpdatePeriod, 1_000),
    ),
    errorUtilizationPenalty: inRange(
      scope,
      "error_utilization_penalty",
      message.errorUtilizationPenalty,
      { min: 0, max: 1e9 },
      1,
    ),
    metricNames: message.metricNamesForComputingUtilization.map((name, index) =>
      textOf(metrics, index, name, "required"),
    ),
  };
}

export function peakEwmaOf(scope: Scope, message: PeakEwma): Of<"peak_ewma"> {
  const { decayMs, defaultRttMs, choiceCount } = PEAK_EWMA_DEFAULTS;
  return {
    kind: "peak_ewma",
    decayMs: durationMs(scope, "decay_time", message.decayTime, decayMs, "positive"),
    defaultRttMs: durationMs(scope, "default_rtt", message.defaultRtt, defaultRttMs, "positive"),
    choiceCount,
  };
}
