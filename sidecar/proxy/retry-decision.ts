import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import type { RetryPolicy } from "../../xds/model/route-table.ts";
import type { RequestHead, ResponseHead } from "../codec/head.ts";
import { fieldValue } from "../codec/head.ts";
import { matchesHeader } from "../routing/index.ts";
import { grpcStatusOf } from "./classify.ts";

/** RFC 9110, 9.2.2: doing it twice is the same as doing it once. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
  "QUERY",
]);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/**
 * Why a failed attempt may be repeated without anybody having asked for retries: nothing of it was sent, or the connection had
 * served before and closed without a byte, in all likelihood while idle (RFC 9112, 9.3.1). Empty: it may not.
 */
export function freeRetryReason(error: ProxyError, reused: boolean, method: string): string {
  if (error.kind.retryable === "yes") return "nothing was sent";
  if (error.kind.retryable === "reused" && reused && isIdempotent(method))
    return "a reused connection had closed";
  return "";
}

/** Does the policy take this request at all? (`retriable_request_headers`: any must match.) */
export function policyTakes(policy: RetryPolicy, head: RequestHead): boolean {
  const matches = policy.retriableRequestHeaders;
  return matches.length === 0 || matches.some((match) => matchesHeader(match, head));
}

/** The word of `retry_on` by which a failed attempt is repeated; empty: none. Envoy's router_filter docs define the words. */
export function retryWordForFailure(policy: RetryPolicy, error: ProxyError): string {
  const { on } = policy;
  const { kind } = error;
  if (kind.source !== "upstream" || kind === ERRORS.routeTimeout) return "";
  if (kind.retryable === "yes" && on.has("connect-failure")) return "connect-failure";
  if (kind.retryable === "yes" && on.has("reset-before-request")) return "reset-before-request";
  if (on.has("reset")) return "reset";
  if (on.has("5xx")) return "5xx";
  if (on.has("gateway-error")) return "gateway-error";
  return "";
}

const GRPC_WORDS = new Map([
  [1, "cancelled"],
  [4, "deadline-exceeded"],
  [8, "resource-exhausted"],
  [13, "internal"],
  [14, "unavailable"],
] as const);

/** The word of `retry_on` by which a response is thrown away and the request repeated; empty: none. */
export function retryWordForResponse(policy: RetryPolicy, head: ResponseHead): string {
  const { on } = policy;
  const { status } = head;
  // An Envoy behind the endpoint refused for its rate limit: asking again is wanted only where it is named.
  if (fieldValue(head.fields, "x-envoy-ratelimited") !== undefined)
    return on.has("envoy-ratelimited") ? "envoy-ratelimited" : "";
  if (status >= 500 && on.has("5xx")) return "5xx";
  if (status >= 502 && status <= 504 && on.has("gateway-error")) return "gateway-error";
  if (status === 409 && on.has("retriable-4xx")) return "retriable-4xx";
  if (on.has("retriable-status-codes") && policy.statusCodes.has(status)) return "retriable-status-codes";
  if (on.has("retriable-headers") && policy.retriableHeaders.some((match) => matchesHeader(match, head))) {
    return "retriable-headers";
  }
  const word = GRPC_WORDS.get(grpcStatusOf(fieldValue(head.fields, "grpc-status")) as 1 | 4 | 8 | 13 | 14);
  return word !== undefined && on.has(word) ? word : "";
}

/** When the endpoint wants to be asked again, in ms from now, by the headers that the policy names; 0: it did not say. */
export function rateLimitedDelayMs(policy: RetryPolicy, head: ResponseHead, wallMs: number): number {
  const { rateLimitedBackoff } = policy;
  if (!rateLimitedBackoff) return 0;
  for (const { name, format } of rateLimitedBackoff.headers) {
    const seconds = decimalSeconds(fieldValue(head.fields, name.toLowerCase()));
    const delay = format === "seconds" ? seconds * 1_000 : seconds * 1_000 - wallMs;
    if (delay > 0) return Math.min(delay, rateLimitedBackoff.maxMs);
  }
  return 0;
}

/** `Retry-After` (RFC 9110, 10.2.3) in ms from now: seconds or an HTTP date; 0: absent, past or unreadable. */
export function retryAfterMs(value: string | undefined, wallMs: number): number {
  if (value === undefined) return 0;
  const seconds = decimalSeconds(value);
  const delay = seconds > 0 ? seconds * 1_000 : Date.parse(value) - wallMs;
  return delay > 0 ? Math.min(delay, MAX_RETRY_AFTER_MS) : 0;
}

/** No endpoint puts itself out of use for longer than this by a header (Linkerd's bound). */
const MAX_RETRY_AFTER_MS = 300_000;

function decimalSeconds(value: string | undefined): number {
  if (value === undefined || value.length === 0 || value.length > 15) return 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return 0;
  }
  return Number(value);
}
