import {
  type OutlierDetection as OutlierDetectionProto,
  OutlierDetectionSchema,
} from "../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { OutlierDetection } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { OUTLIER_DETECTION_DEFAULTS as DEFAULTS } from "./outlier-detection-defaults.ts";
import { durationMs, inRange } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkDetection = fieldCheck(OutlierDetectionSchema, {
  honoured: OutlierDetectionSchema.fields.map((field) => field.name).filter((name) => name !== "monitors"),
});

/** Percentages over 100 and durations of 0 are refused (gRFC A50). */
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
    DEFAULTS.baseEjectionMs,
    "positive",
  );
  const longest = Math.max(DEFAULTS.maxEjectionMs, baseEjectionMs);
  const maxEjectionMs = durationMs(scope, "max_ejection_time", message.maxEjectionTime, longest, "positive");
  if (maxEjectionMs < baseEjectionMs)
    scope.at("max_ejection_time").error("must not be shorter than base_ejection_time");
  return {
    consecutive5xx: message.consecutive5xx ?? DEFAULTS.consecutive5xx,
    enforcingConsecutive5xx: percent(
      "enforcing_consecutive_5xx",
      message.enforcingConsecutive5xx,
      DEFAULTS.enforcingConsecutive5xx,
    ),
    consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? DEFAULTS.consecutiveGatewayFailure,
    enforcingConsecutiveGatewayFailure: percent(
      "enforcing_consecutive_gateway_failure",
      message.enforcingConsecutiveGatewayFailure,
      DEFAULTS.enforcingConsecutiveGatewayFailure,
    ),
    splitExternalLocalOriginErrors: message.splitExternalLocalOriginErrors,
    consecutiveLocalOriginFailure:
      message.consecutiveLocalOriginFailure ?? DEFAULTS.consecutiveLocalOriginFailure,
    enforcingConsecutiveLocalOriginFailure: percent(
      "enforcing_consecutive_local_origin_failure",
      message.enforcingConsecutiveLocalOriginFailure,
      DEFAULTS.enforcingConsecutiveLocalOriginFailure,
    ),
    enforcingLocalOriginSuccessRate: percent(
      "enforcing_local_origin_success_rate",
      message.enforcingLocalOriginSuccessRate,
      DEFAULTS.enforcingLocalOriginSuccessRate,
    ),
    intervalMs: durationMs(scope, "interval", message.interval, DEFAULTS.intervalMs, "positive"),
    baseEjectionMs,
    maxEjectionMs,
    maxEjectionJitterMs: durationMs(
      scope,
      "max_ejection_time_jitter",
      message.maxEjectionTimeJitter,
      DEFAULTS.maxEjectionJitterMs,
    ),
    maxEjectionPercent: percent(
      "max_ejection_percent",
      message.maxEjectionPercent,
      DEFAULTS.maxEjectionPercent,
    ),
    alwaysEjectOneHost: message.alwaysEjectOneHost ?? DEFAULTS.alwaysEjectOneHost,
    enforcingSuccessRate: percent(
      "enforcing_success_rate",
      message.enforcingSuccessRate,
      DEFAULTS.enforcingSuccessRate,
    ),
    successRateMinimumHosts: message.successRateMinimumHosts ?? DEFAULTS.successRateMinimumHosts,
    successRateRequestVolume: message.successRateRequestVolume ?? DEFAULTS.successRateRequestVolume,
    successRateStdevFactor:
      message.successRateStdevFactor === undefined
        ? DEFAULTS.successRateStdevFactor
        : message.successRateStdevFactor / 1_000,
    failurePercentageThreshold: percent(
      "failure_percentage_threshold",
      message.failurePercentageThreshold,
      DEFAULTS.failurePercentageThreshold,
    ),
    enforcingFailurePercentage: percent(
      "enforcing_failure_percentage",
      message.enforcingFailurePercentage,
      DEFAULTS.enforcingFailurePercentage,
    ),
    enforcingFailurePercentageLocalOrigin: percent(
      "enforcing_failure_percentage_local_origin",
      message.enforcingFailurePercentageLocalOrigin,
      DEFAULTS.enforcingFailurePercentageLocalOrigin,
    ),
    failurePercentageMinimumHosts:
      message.failurePercentageMinimumHosts ?? DEFAULTS.failurePercentageMinimumHosts,
    failurePercentageRequestVolume:
      message.failurePercentageRequestVolume ?? DEFAULTS.failurePercentageRequestVolume,
    activeHealthCheckUnejects:
      message.successfulActiveHealthCheckUnejectHost ?? DEFAULTS.activeHealthCheckUnejects,
  };
}
