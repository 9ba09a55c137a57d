import {
  type CircuitBreakers,
  CircuitBreakersSchema,
  type CircuitBreakers_Thresholds as ThresholdsProto,
  CircuitBreakers_ThresholdsSchema as ThresholdsSchema,
} from "../proto/gen/envoy/config/cluster/v3/circuit_breaker_pb.js";
import { RoutingPriority } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import type { Cluster, Thresholds } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { percentOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkBreakers = fieldCheck(CircuitBreakersSchema, { honoured: ["thresholds"] });
const checkThresholds = fieldCheck(ThresholdsSchema, {
  honoured: [
    "priority",
    "max_connections",
    "max_pending_requests",
    "max_requests",
    "max_retries",
    "retry_budget",
  ],
  harmless: ["track_remaining"],
});

const DEFAULT_BOUND = 1_024;
const DEFAULT_BUDGET = { percent: 20, minConcurrency: 3 };

/**
 * Always in force: a cluster that names no thresholds has the bounds of circuit_breaker.proto. The first of a priority wins.
 *
 * Retries differ from Envoy on purpose: where neither `max_retries` nor `retry_budget` is set, a budget rules (20 % of the
 * requests in flight, at least 3) and not Envoy's fixed 3, which a busy cluster uses up at once and a sick one multiplies.
 */
export function circuitBreakersOf(
  scope: Scope,
  message: CircuitBreakers | undefined,
): Cluster["circuitBreakers"] {
  if (message !== undefined) checkBreakers(scope, message);
  const read = (message?.thresholds ?? []).map((thresholds, index) => ({
    priority: thresholds.priority,
    thresholds: thresholdsOf(scope.at("thresholds").at(index), thresholds),
  }));
  const first = (priority: RoutingPriority) =>
    read.find((entry) => entry.priority === priority)?.thresholds ?? DEFAULT_THRESHOLDS;
  return { default: first(RoutingPriority.DEFAULT), high: first(RoutingPriority.HIGH) };
}

const DEFAULT_THRESHOLDS: Thresholds = Object.freeze({
  maxConnections: DEFAULT_BOUND,
  maxPendingRequests: DEFAULT_BOUND,
  maxRequests: DEFAULT_BOUND,
  maxRetries: undefined,
  retryBudget: DEFAULT_BUDGET,
});

function thresholdsOf(scope: Scope, message: ThresholdsProto): Thresholds {
  checkThresholds(scope, message);
  return {
    maxConnections: message.maxConnections ?? DEFAULT_BOUND,
    maxPendingRequests: message.maxPendingRequests ?? DEFAULT_BOUND,
    maxRequests: message.maxRequests ?? DEFAULT_BOUND,
    ...retriesOf(scope.at("retry_budget"), message),
  };
}

function retriesOf(
  scope: Scope,
  { maxRetries, retryBudget }: ThresholdsProto,
): Pick<Thresholds, "maxRetries" | "retryBudget"> {
  if (retryBudget === undefined) {
    return maxRetries === undefined
      ? { maxRetries, retryBudget: DEFAULT_BUDGET }
      : { maxRetries, retryBudget: undefined };
  }
  return {
    maxRetries: undefined,
    retryBudget: {
      percent: percentOf(scope, "budget_percent", retryBudget.budgetPercent, DEFAULT_BUDGET.percent),
      minConcurrency: retryBudget.minRetryConcurrency ?? DEFAULT_BUDGET.minConcurrency,
    },
  };
}
