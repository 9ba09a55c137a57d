import type { ErrorKind } from "../../xds/common/errors.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import type { Outcome } from "../balancing/outcome.ts";
import { OUTCOME } from "../balancing/outcome.ts";

/** No gRPC status was seen. */
export const NO_GRPC_STATUS = -1;

/** gRPC status codes that say more of the endpoint than of the request (grpc.io, statuscodes.md). */
const GRPC_OUTCOMES: ReadonlyMap<number, Outcome> = new Map([
  [2, OUTCOME.serverError],
  [8, OUTCOME.pushback],
  [13, OUTCOME.serverError],
  [14, OUTCOME.gatewayError],
  [15, OUTCOME.serverError],
]);

/** Judges a whole answer. A gRPC status has the last word: its HTTP status is 200 whatever happened. */
export function classifyResponse(status: number, grpcStatus: number, retryAfter: boolean): Outcome {
  if (grpcStatus !== NO_GRPC_STATUS) return GRPC_OUTCOMES.get(grpcStatus) ?? OUTCOME.success;
  if (status < 500) return status === 429 ? OUTCOME.pushback : OUTCOME.success;
  if (status === 503 && retryAfter) return OUTCOME.pushback;
  return status >= 502 && status <= 504 ? OUTCOME.gatewayError : OUTCOME.serverError;
}

/**
 * Judges an attempt that got no whole answer, by what ended it. That a connection which had served before closed without a byte says
 * when the endpoint's keep-alive ends, not that it is sick: if it is, the next fresh connection will tell.
 */
export function classifyFailure(kind: ErrorKind, reused = false): Outcome {
  if (reused && kind.retryable === "reused") return OUTCOME.local;
  switch (kind) {
    case ERRORS.connectFailure:
    case ERRORS.connectTimeout:
    case ERRORS.upstreamTls:
      return OUTCOME.connectFailure;
    case ERRORS.routeTimeout:
    case ERRORS.perTryTimeout:
    case ERRORS.streamIdleTimeout:
    case ERRORS.maxDuration:
      return OUTCOME.timeout;
    default:
      if (kind.source === "upstream") return OUTCOME.reset;
      return kind.source === "downstream" ? OUTCOME.cancelled : OUTCOME.local;
  }
}

/** The value of a `grpc-status` field; what is no number counts as UNKNOWN (2), as gRPC asks. */
export function grpcStatusOf(value: string | undefined): number {
  if (value === undefined) return NO_GRPC_STATUS;
  const status = Number(value);
  return value !== "" && Number.isInteger(status) && status >= 0 ? status : 2;
}
