import type { HeaderValueOption } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import {
  HealthCheck_GrpcHealthCheckSchema as GrpcCheckSchema,
  type HealthCheck as HealthCheckProto,
  HealthCheckSchema,
  type HealthCheck_HttpHealthCheck as HttpCheckProto,
  HealthCheck_HttpHealthCheckSchema as HttpCheckSchema,
  type HealthCheck_Payload as Payload,
  type HealthCheck_TcpHealthCheck as TcpCheckProto,
  HealthCheck_TcpHealthCheckSchema as TcpCheckSchema,
} from "../proto/gen/envoy/config/core/v3/health_check_pb.js";
import { CodecClientType } from "../proto/gen/envoy/type/v3/http_pb.js";
import type { Int64Range } from "../proto/gen/envoy/type/v3/range_pb.js";
import type { HealthCheck } from "./cluster.ts";
import { fieldCheck } from "./field-rules.ts";
import { additionsOf } from "./headers-from-proto.ts";
import { stringMatcherOf } from "./matcher-from-proto.ts";
import type { HeaderMatch } from "./route-table.ts";
import { durationMs, inRange, textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkHealthCheck = fieldCheck(HealthCheckSchema, {
  honoured: [
    "timeout",
    "interval",
    "initial_jitter",
    "interval_jitter",
    "interval_jitter_percent",
    "unhealthy_threshold",
    "healthy_threshold",
    "http_health_check",
    "tcp_health_check",
    "grpc_health_check",
    "unhealthy_interval",
    "unhealthy_edge_interval",
    "healthy_edge_interval",
  ],
  harmless: [
    "event_log_path",
    "event_logger",
    "event_service",
    "always_log_health_check_failures",
    "always_log_health_check_success",
  ],
  refused: {
    custom_health_check: "is not supported: use http_health_check, tcp_health_check or grpc_health_check",
    alt_port: "is not supported: set the port on the endpoint (health_check_config)",
  },
});
const checkHttp = fieldCheck(HttpCheckSchema, {
  honoured: [
    "host",
    "path",
    "request_headers_to_add",
    "expected_statuses",
    "retriable_statuses",
    "service_name_matcher",
    "method",
  ],
  partly: { codec_client_type: "HTTP/1.1 is spoken; HTTP2 gives a warning" },
  harmless: ["response_buffer_size"],
  refused: {
    send: "is not supported: the check sends no body",
    receive: "is not supported: without it endpoints that answer wrongly would count as healthy",
  },
});
const checkTcp = fieldCheck(TcpCheckSchema, {
  honoured: ["send", "receive"],
  refused: { proxy_protocol_config: "is not supported" },
});
const checkGrpc = fieldCheck(GrpcCheckSchema, {
  honoured: ["service_name", "authority", "initial_metadata"],
});

/** RequestMethod of envoy.config.core.v3; unspecified is GET, and a CONNECT would have no answer to judge. */
const METHODS = ["GET", "GET", "HEAD", "POST", "PUT", "DELETE", undefined, "OPTIONS", "TRACE", "PATCH"];

/** Undefined after noting a problem. Defaults are those of health_check.proto. */
export function healthCheckOf(scope: Scope, message: HealthCheckProto): HealthCheck | undefined {
  checkHealthCheck(scope, message);
  const check = checkOf(scope, message);
  const timeoutMs = requiredMs(scope, "timeout", message.timeout);
  const intervalMs = requiredMs(scope, "interval", message.interval);
  for (const field of ["unhealthyThreshold", "healthyThreshold"] as const) {
    if (message[field] === undefined) {
      scope
        .at(field === "healthyThreshold" ? "healthy_threshold" : "unhealthy_threshold")
        .error("is required");
    }
  }
  const unhealthyIntervalMs = durationMs(
    scope,
    "unhealthy_interval",
    message.unhealthyInterval,
    intervalMs,
    "positive",
  );
  const rest = {
    timeoutMs,
    intervalMs,
    intervalJitterMs: durationMs(scope, "interval_jitter", message.intervalJitter, 0),
    intervalJitterPercent: message.intervalJitterPercent,
    initialJitterMs: durationMs(scope, "initial_jitter", message.initialJitter, 0),
    unhealthyThreshold: inRange(scope, "unhealthy_threshold", message.unhealthyThreshold, { min: 1 }, 1),
    healthyThreshold: inRange(scope, "healthy_threshold", message.healthyThreshold, { min: 1 }, 1),
    unhealthyIntervalMs,
    unhealthyEdgeIntervalMs: durationMs(
      scope,
      "unhealthy_edge_interval",
      message.unhealthyEdgeInterval,
      unhealthyIntervalMs,
      "positive",
    ),
    healthyEdgeIntervalMs: durationMs(
      scope,
      "healthy_edge_interval",
      message.healthyEdgeInterval,
      intervalMs,
      "positive",
    ),
  };
  return check && { ...rest, check };
}

function requiredMs(scope: Scope, field: string, duration: HealthCheckProto["timeout"]): number {
  if (duration === undefined) scope.at(field).error("is required");
  return durationMs(scope, field, duration, 1, "positive");
}

function checkOf(scope: Scope, { healthChecker }: HealthCheckProto): HealthCheck["check"] | undefined {
  switch (healthChecker.case) {
    case "httpHealthCheck":
      return httpCheckOf(scope.at("http_health_check"), healthChecker.value);
    case "tcpHealthCheck":
      return tcpCheckOf(scope.at("tcp_health_check"), healthChecker.value);
    case "grpcHealthCheck": {
      const { serviceName, authority, initialMetadata } = healthChecker.value;
      const place = scope.at("grpc_health_check");
      checkGrpc(place, healthChecker.value);
      return {
        kind: "grpc",
        serviceName: textOf(place, "service_name", serviceName),
        authority: textOf(place, "authority", authority),
        metadata: literalHeadersOf(place.at("initial_metadata"), initialMetadata),
      };
    }
    case "customHealthCheck":
      return undefined;
    case undefined:
      scope.error("needs one of http_health_check, tcp_health_check, grpc_health_check");
      return undefined;
  }
}

function httpCheckOf(scope: Scope, message: HttpCheckProto): HealthCheck["check"] {
  checkHttp(scope, message);
  const path = textOf(scope, "path", message.path, "required");
  if (path !== "" && !/^\/[^\s\0]*$/.test(path))
    scope.at("path").error('must start with "/" and hold no white space');
  if (/[\s\0]/.test(message.host)) scope.at("host").error("must not hold white space");
  const method = METHODS[message.method];
  if (method === undefined) scope.at("method").error("must be a method that is answered; CONNECT is not");
  if (message.codecClientType === CodecClientType.HTTP3)
    scope.at("codec_client_type").error("must be HTTP1 or HTTP2");
  if (message.codecClientType === CodecClientType.HTTP2)
    scope.at("codec_client_type").warn("is not followed: the check is made over HTTP/1.1");
  return {
    kind: "http",
    host: textOf(scope, "host", message.host),
    path,
    method: method ?? "GET",
    headers: literalHeadersOf(scope.at("request_headers_to_add"), message.requestHeadersToAdd),
    expectedStatuses: statusRangesOf(scope.at("expected_statuses"), message.expectedStatuses),
    retriableStatuses: statusRangesOf(scope.at("retriable_statuses"), message.retriableStatuses),
    responseHeaders: serviceNameMatchOf(scope, message),
    http2: message.codecClientType === CodecClientType.HTTP2,
  };
}

/** A check belongs to no request, so its headers can only be fixed text. */
function literalHeadersOf(
  scope: Scope,
  options: readonly HeaderValueOption[],
): (readonly [string, string])[] {
  return additionsOf(scope, options).map(({ name, value }, index) => {
    if (value.some((piece) => piece.kind === "operator")) {
      scope
        .at(index)
        .at("header")
        .at("value")
        .error("must be fixed text: there is no request to take values from");
    }
    return [name, value.map((piece) => (piece.kind === "text" ? piece.text : "")).join("")];
  });
}

function statusRangesOf(scope: Scope, ranges: readonly Int64Range[]): (readonly [number, number])[] {
  return ranges.map(({ start, end }, index) => {
    if (start < 100n || end > 600n || start >= end) {
      scope.at(index).error("must be a half-open range within 100 to 600, such as start 200, end 300");
    }
    return [Number(start), Number(end)];
  });
}

/** The answer must come from the right service: Envoy's header names it. */
function serviceNameMatchOf(scope: Scope, { serviceNameMatcher }: HttpCheckProto): readonly HeaderMatch[] {
  if (serviceNameMatcher === undefined) return [];
  const matcher = stringMatcherOf(scope.at("service_name_matcher"), serviceNameMatcher);
  if (matcher === undefined) return [];
  const name = "x-envoy-upstream-healthchecked-cluster";
  return [{ name, value: { kind: "string", matcher }, invert: false, missingAsEmpty: false }];
}

function tcpCheckOf(scope: Scope, message: TcpCheckProto): HealthCheck["check"] {
  checkTcp(scope, message);
  return {
    kind: "tcp",
    send: message.send ? bytesOf(scope.at("send"), message.send) : new Uint8Array(),
    receive: message.receive.map((payload, index) => bytesOf(scope.at("receive").at(index), payload)),
  };
}

/** `text` is bytes in hexadecimal (health_check.proto). */
function bytesOf(scope: Scope, { payload }: Payload): Uint8Array {
  if (payload.case === "binary") return payload.value;
  if (payload.case === "text" && /^([0-9A-Fa-f]{2})+$/.test(payload.value))
    return Buffer.from(payload.value, "hex");
  scope.error("needs text, in hexadecimal digits, or binary");
  return new Uint8Array();
}
