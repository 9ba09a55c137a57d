import { ERRORS } from "../../xds/common/errors.ts";
import { isFailure, OUTCOME } from "../balancing/outcome.ts";
import type { ExchangeFacts } from "./facts.ts";

/** How an exchange ended, in the one word of `dashpot.outcome`. */
export type Verdict = (typeof VERDICTS)[number];
export const VERDICTS = [
  "ok",
  "retried_ok",
  "failed",
  "shed",
  "no_healthy",
  "no_route",
  "timeout",
  "cancelled",
] as const;

export function verdictOf(facts: ExchangeFacts): Verdict {
  const kind = facts.error?.kind;
  if (kind === undefined) {
    if (facts.status >= 500) return "failed";
    return facts.attempts.length > 1 ? "retried_ok" : "ok";
  }
  if (kind === ERRORS.downstreamDisconnect) return "cancelled";
  if (kind === ERRORS.noHealthyUpstream) return "no_healthy";
  if (kind === ERRORS.overflow || kind === ERRORS.connectionsExceeded || kind === ERRORS.draining)
    return "shed";
  if (kind === ERRORS.noRoute || kind === ERRORS.noCluster) return "no_route";
  return kind.proxyError === "http_response_timeout" ? "timeout" : "failed";
}

/** Why an exchange is worth reading; empty: it is one of the many that went well. `ejection` and `sampled` are others' to know. */
export type Notable = "" | "error" | "retry" | "slow";

export function notableOf(facts: ExchangeFacts, slowMs: number): Notable {
  const kind = facts.error?.kind;
  if (facts.status >= 500 || (kind !== undefined && kind !== ERRORS.downstreamDisconnect)) return "error";
  if (facts.attempts.length > 1) return "retry";
  const only = facts.attempts[0];
  if (only !== undefined && isFailure(only.outcome)) return "error";
  if (facts.endedAt - facts.startedAt > slowMs) return "slow";
  return "";
}

/** Did the caller get less than it asked for, by the proxy's or the upstream's fault? */
export function failed(facts: ExchangeFacts): boolean {
  return facts.status >= 500 || (facts.status === 0 && facts.error !== undefined && !wasCancelled(facts));
}

/** Did the caller go away before the end? */
export function wasCancelled(facts: ExchangeFacts): boolean {
  return (
    facts.error?.kind === ERRORS.downstreamDisconnect || facts.attempts.at(-1)?.outcome === OUTCOME.cancelled
  );
}
