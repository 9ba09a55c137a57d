import { isMessage } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { FilterConfigSchema } from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import {
  type FaultDelay,
  FaultDelaySchema,
} from "../proto/gen/envoy/extensions/filters/common/fault/v3/fault_pb.js";
import {
  type FaultAbort,
  FaultAbortSchema,
  type HTTPFault,
  HTTPFaultSchema,
} from "../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { type Content, openAny } from "./any-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { headerMatchesOf } from "./header-match-from-proto.ts";
import type { Fraction } from "./matcher.ts";
import type { FaultPolicy } from "./route-table.ts";
import { durationMs, fractionOf, inRange, textOf, UINT32_MAX } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkFault = fieldCheck(HTTPFaultSchema, {
  honoured: ["delay", "abort", "upstream_cluster", "headers", "max_active_faults"],
  harmless: ["disable_downstream_cluster_stats", "filter_metadata"],
  refused: {
    downstream_nodes: "is not supported: without it faults would reach every caller",
    response_rate_limit: "is not supported: use delay or abort",
  },
});
const checkDelay = fieldCheck(FaultDelaySchema, { honoured: ["fixed_delay", "header_delay", "percentage"] });
const checkAbort = fieldCheck(FaultAbortSchema, {
  honoured: ["http_status", "grpc_status", "header_abort", "percentage"],
});

/** An unset FractionalPercent is 0 of 100: no request. */
const NEVER: Fraction = { numerator: 0, denominator: 100 };
const FAULT_FILTER = "envoy.filters.http.fault";
const LAST_GRPC_STATUS = 16;

export function faultPolicyOf(scope: Scope, fault: HTTPFault): FaultPolicy {
  checkFault(scope, fault);
  return {
    delay: fault.delay && delayOf(scope.at("delay"), fault.delay),
    abort: fault.abort && abortOf(scope.at("abort"), fault.abort),
    headers: headerMatchesOf(scope.at("headers"), fault.headers),
    upstreamCluster: textOf(scope, "upstream_cluster", fault.upstreamCluster),
    maxActiveFaults: fault.maxActiveFaults ?? UINT32_MAX,
  };
}

function delayOf(scope: Scope, delay: FaultDelay): FaultPolicy["delay"] {
  checkDelay(scope, delay);
  const fraction = (delay.percentage && fractionOf(scope, "percentage", delay.percentage)) ?? NEVER;
  const secifier = delay.faultDelaySecifier;
  if (secifier.case === "headerDelay") return { ms: "from_header", fraction };
  if (secifier.case === undefined) scope.error("needs fixed_delay or header_delay");
  return { ms: durationMs(scope, "fixed_delay", secifier.value, 0, "positive"), fraction };
}

function abortOf(scope: Scope, abort: FaultAbort): FaultPolicy["abort"] {
  checkAbort(scope, abort);
  const fraction = (abort.percentage && fractionOf(scope, "percentage", abort.percentage)) ?? NEVER;
  const { errorType } = abort;
  switch (errorType.case) {
    case "httpStatus": {
      const status = inRange(scope, "http_status", errorType.value, { min: 200, max: 599 }, 503);
      return { status, grpcStatus: undefined, fraction };
    }
    case "grpcStatus": {
      // A gRPC failure travels in a 200 (gRPC over HTTP/2, "Responses").
      const grpcStatus = inRange(scope, "grpc_status", errorType.value, { min: 0, max: LAST_GRPC_STATUS }, 0);
      return { status: 200, grpcStatus, fraction };
    }
    case "headerAbort":
      return { status: "from_header", grpcStatus: undefined, fraction };
    case undefined:
      scope.error("needs http_status, grpc_status or header_abort");
      return undefined;
  }
}

/**
 * The fault filter's part of `typed_per_filter_config`. Configuration of a type that is not known is refused unless it is
 * marked optional, since it may guard the route (gRFC A39); the names of filters are free.
 */
export function routeFaultOf(
  scope: Scope,
  configs: { readonly [filter: string]: Any },
): FaultPolicy | "disabled" | undefined {
  let found: FaultPolicy | "disabled" | undefined;
  for (const [filter, any] of Object.entries(configs)) {
    const content = openAny(scope.at(filter), any);
    if (content !== undefined) found = filterConfigOf(content, filter, false) ?? found;
  }
  return found;
}

function filterConfigOf(
  content: Content,
  filter: string,
  optional: boolean,
): FaultPolicy | "disabled" | undefined {
  const { scope } = content;
  if (content.kind === "message" && isMessage(content.message, FilterConfigSchema)) {
    const { config, disabled, isOptional } = content.message;
    if (disabled && filter === FAULT_FILTER) return "disabled";
    if (disabled || config === undefined) return undefined;
    const inner = openAny(scope.at("config"), config);
    return inner && filterConfigOf(inner, filter, isOptional);
  }
  if (content.kind === "message" && isMessage(content.message, HTTPFaultSchema)) {
    return faultPolicyOf(scope, content.message);
  }
  const reason = `has the type ${content.type}, which is not supported for a route`;
  if (optional) scope.warn(`${reason} and, being optional, has no effect`);
  else scope.error(`${reason}; mark it is_optional if requests may pass without it`);
  return undefined;
}
