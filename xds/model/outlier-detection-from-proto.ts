import {
  type OutlierDetection as OutlierDetectionProto,
  OutlierDetectionSchema,
} from "../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { OutlierDetection } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { durationMs, inRange } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkDetection = fieldCheck(OutlierDetectionSchema, {
  honoured: OutlierDetectionSchema.fields.map((field) => field.name).filter((name) => name !== "monitors"),
});

const DEFAULT_MAX_EJECTION_MS = 300_000;

/** Defaults are those of outlier_detection.proto; percentages over 100 and durations of 0 are refused (gRFC A50). */
export function outlierDetectionOf(
  scope: Scope,
  message: OutlierDetectionProto | undefined,
): OutlierDetection | undefined {
  if (message === undefined) return undefined;
  checkDetection(scope, message);
  const percent = (field: string, value: number | undefined, fallback: number) =>
    inRange(scope, field, value, { min: 0, max: 100 }, fallback);
  const baseEjectionMs = durationMs(
    scope,
    "base_ejection_time",
    message.baseEjectionTime,
    30_000,
    "positive",
  );
  const longest = Math.max(DEFAULT_MAX_EJECTION_MS, baseEjectionMs);
  const maxEjectionMs = durationMs(scope, "max_ejection_time", message.maxEjectionTime, longest, "positive");
  if (maxEjectionMs < baseEjectionMs)
    scope.at("max_ejection_time").error("must not be shorter than base_ejection_time");
  return {
    consecutive5xx: message.consecutive5xx ?? 5,
    enforcingConsecutive5xx: percent("enforcing_consecutive_5xx", message.enforcingConsecutive5xx, 100),
    consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? 5,
    enforcingConsecutiveGatewayFailure: percent(
      "enforcing_consecutive_gateway_failure",
      message.enforcingConsecutiveGatewayFailure,
      0,
    ),
    splitExternalLocalOriginErrors: message.splitExternalLocalOriginErrors,
    consecutiveLocalOriginFailure: message.consecutiveLocalOriginFailure ?? 5,
    enforcingConsecutiveLocalOriginFailure: percent(
      "enforcing_consecutive_local_origin_failure",
      message.enforcingConsecutiveLocalOriginFailure,
      100,
    ),
    enforcingLocalOriginSuccessRate: percent(
      "enforcing_local_origin_success_rate",
      message.enforcingLocalOriginSuccessRate,
      100,
    ),
    intervalMs: durationMs(scope, "interval", message.interval, 10_000, "positive"),
    baseEjectionMs,
    maxEjectionMs,
    maxEjectionJitterMs: durationMs(scope, "max_ejection_time_jitter", message.maxEjectionTimeJitter, 0),
    maxEjectionPercent: percent("max_ejection_percent", message.maxEjectionPercent, 10),
    alwaysEjectOneHost: message.alwaysEjectOneHost ?? false,
    enforcingSuccessRate: percent("enforcing_success_rate", message.enforcingSuccessRate, 100),
    successRateMinimumHosts: message.successRateMinimumHosts ?? 5,
    successRateRequestVolume: message.successRateRequestVolume ?? 100,
    successRateStdevFactor: (message.successRateStdevFactor ?? 1_900) / 1_000,
    failurePercentageThreshold: percent(
      "failure_percentage_threshold",
      message.failurePercentageThreshold,
      85,
    ),
    enforcingFailurePercentage: percent(
      "enforcing_failure_percentage",
      message.enforcingFailurePercentage,
      0,
    ),
    enforcingFailurePercentageLocalOrigin: percent(
      "enforcing_failure_percentage_local_origin",
      message.enforcingFailurePercentageLocalOrigin,
      0,
    ),
    failurePercentageMinimumHosts: message.failurePercentageMinimumHosts ?? 5,
    failurePercentageRequestVolume: message.failurePercentageRequestVolume ?? 50,
    activeHealthCheckUnejects: message.successfulActiveHealthCheckUnejectHost ?? true,
  };
}
