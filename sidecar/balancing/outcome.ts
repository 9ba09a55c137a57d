/**
 * How an attempt ended, as the one classifier judges it for every protocol. Balancing never sees statuses or errors, only
 * these. Values are array indexes and part of recorded decisions: append, never renumber.
 */
export const OUTCOME = Object.freeze({
  /** Answered; 4xx other than 429 is an answer. */
  success: 0,
  /** The endpoint answered that it failed: 5xx, gRPC UNKNOWN, INTERNAL, DATA_LOSS. */
  serverError: 1,
  /** 502, 503, 504 or gRPC UNAVAILABLE: the endpoint or what stands behind it is sick. */
  gatewayError: 2,
  /** 429, or 503 with Retry-After, or gRPC RESOURCE_EXHAUSTED: the endpoint asks for less. */
  pushback: 3,
  /** Refused, unreachable, connect timeout, TLS failure: nothing was sent. */
  connectFailure: 4,
  /** The connection broke before the response was whole, or the response was garbage. */
  reset: 5,
  /** Our deadline ran out: the latency is "at least t" (a censored sample). */
  timeout: 6,
  /** The caller went away or a hedge won: a censored sample, never a failure. */
  cancelled: 7,
  /** Our own lack of sockets, memory or time: says nothing of the endpoint. */
  local: 8,
});
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

/** As they stand in spans, records and filters, by index. */
export const OUTCOME_NAMES: readonly string[] = [
  "success",
  "server_error",
  "gateway_error",
  "pushback",
  "connect_failure",
  "reset",
  "timeout",
  "cancelled",
  "local",
];

/** Does this outcome lay a failure to the endpoint? */
export function isFailure(outcome: Outcome): boolean {
  return outcome >= OUTCOME.serverError && outcome <= OUTCOME.timeout;
}
