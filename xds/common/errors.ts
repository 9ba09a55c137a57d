/** Who the failure is laid to. */
export type ErrorSource = "downstream" | "upstream" | "local" | "control_plane";

/**
 * May the request be tried elsewhere? `yes`: nothing reached an upstream. `reused`: only when the connection had served a
 * request before, because then the peer most likely closed it while idle (RFC 9112, 9.3.1). `no`: the upstream may have acted.
 */
export type Retryable = "yes" | "reused" | "no";

/** One entry of the catalogue. Codes are stable once released and never used again for another meaning. */
export interface ErrorKind {
  readonly code: string;
  readonly source: ErrorSource;
  readonly retryable: Retryable;
  /** Envoy's short response flag, which its users search logs by; empty where Envoy has none. */
  readonly flag: string;
  /** The HTTP status of the local reply, if one can still be sent. */
  readonly status: number;
  /** RFC 9209 (`Proxy-Status`) error token. */
  readonly proxyError: string;
}

/** A failure of one exchange, as a value: built from the catalogue, carried to the phase that answers. */
export interface ProxyError {
  readonly kind: ErrorKind;
  /** For people: what happened, never header values or bodies. */
  readonly detail: string;
}

function kind(
  code: string,
  source: ErrorSource,
  retryable: Retryable,
  flag: string,
  status: number,
  proxyError: string,
): ErrorKind {
  return Object.freeze({ code, source, retryable, flag, status, proxyError });
}

/**
 * Every failure a request can meet. Flags are Envoy's (access log docs, `%RESPONSE_FLAGS%`), tokens those of RFC 9209, 2.3.
 */
export const ERRORS = Object.freeze({
  // The caller's fault: the message is refused, nothing of it reached an upstream.
  malformedRequest: kind("malformed_request", "downstream", "no", "DPE", 400, "http_request_error"),
  requestHeadTooLarge: kind("request_head_too_large", "downstream", "no", "DPE", 431, "http_request_error"),
  requestTargetTooLong: kind("request_target_too_long", "downstream", "no", "DPE", 414, "http_request_error"),
  unsupportedVersion: kind("unsupported_version", "downstream", "no", "DPE", 505, "http_request_error"),
  unsupportedCoding: kind(
    "unsupported_transfer_coding",
    "downstream",
    "no",
    "DPE",
    501,
    "http_request_error",
  ),
  unsupportedExpectation: kind(
    "unsupported_expectation",
    "downstream",
    "no",
    "DPE",
    417,
    "http_request_error",
  ),
  requestTooLarge: kind("request_too_large", "downstream", "no", "DPE", 413, "http_request_error"),
  requestHeadTimeout: kind("request_head_timeout", "downstream", "no", "DPE", 408, "http_request_error"),
  requestTimeout: kind("request_timeout", "downstream", "no", "DT", 408, "http_request_error"),
  downstreamDisconnect: kind("downstream_disconnect", "downstream", "no", "DC", 499, "connection_terminated"),
  downstreamTlsRequired: kind("tls_required", "downstream", "no", "", 426, "http_request_denied"),

  // Ours: routing, limits, policy.
  noRoute: kind("no_route", "local", "no", "NR", 404, "destination_not_found"),
  noCluster: kind("no_cluster", "local", "no", "NC", 503, "destination_not_found"),
  noHealthyUpstream: kind("no_healthy_upstream", "local", "no", "UH", 503, "destination_unavailable"),
  overflow: kind("upstream_overflow", "local", "no", "UO", 503, "destination_unavailable"),
  dropOverload: kind("drop_overload", "local", "no", "DO", 503, "destination_unavailable"),
  connectionsExceeded: kind("connections_exceeded", "local", "no", "UO", 503, "proxy_internal_response"),
  localResources: kind("local_resources_exhausted", "local", "yes", "LR", 503, "proxy_internal_error"),
  upgradeRefused: kind("upgrade_not_allowed", "local", "no", "", 403, "http_request_denied"),
  connectRefused: kind("connect_not_allowed", "local", "no", "", 403, "http_request_denied"),
  forwardingLoop: kind("forwarding_loop", "local", "no", "", 508, "proxy_loop_detected"),
  faultAborted: kind("fault_injected", "local", "no", "FI", 503, "proxy_internal_response"),
  draining: kind("draining", "local", "no", "", 503, "proxy_internal_response"),
  internal: kind("internal_error", "local", "no", "", 500, "proxy_internal_error"),

  // The upstream's.
  connectFailure: kind("connect_failure", "upstream", "yes", "UF", 503, "connection_refused"),
  connectTimeout: kind("connect_timeout", "upstream", "yes", "UF", 503, "connection_timeout"),
  upstreamTls: kind("upstream_tls_failure", "upstream", "yes", "UF", 503, "tls_protocol_error"),
  upstreamReset: kind("upstream_reset", "upstream", "reused", "UC", 503, "connection_terminated"),
  upstreamTruncated: kind("upstream_truncated", "upstream", "no", "UC", 502, "http_response_incomplete"),
  malformedResponse: kind("malformed_response", "upstream", "no", "UPE", 502, "http_protocol_error"),
  responseHeadTooLarge: kind(
    "response_head_too_large",
    "upstream",
    "no",
    "UPE",
    502,
    "http_response_header_section_size",
  ),
  upstreamUpgrade: kind("upstream_upgrade_failed", "upstream", "no", "UPE", 502, "http_upgrade_failed"),
  routeTimeout: kind("route_timeout", "upstream", "no", "UT", 504, "http_response_timeout"),
  perTryTimeout: kind("per_try_timeout", "upstream", "no", "UT", 504, "http_response_timeout"),
  streamIdleTimeout: kind("stream_idle_timeout", "local", "no", "SI", 504, "http_response_timeout"),
  maxDuration: kind("max_duration_reached", "local", "no", "UMSDR", 504, "http_response_timeout"),
});

export function proxyError(kind: ErrorKind, detail: string): ProxyError {
  return { kind, detail };
}
