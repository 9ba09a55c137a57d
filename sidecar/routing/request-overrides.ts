import { RETRY_ON, type RetryOn, type RetryPolicy } from "../../xds/model/route-table.ts";
import type { FieldLines, RequestHead } from "../codec/head.ts";
import type { ForwardAction } from "./compiled-route.ts";

const PREFIX = "x-envoy-";
/** Of `x-envoy-retry-on`. */
const SHORTEST = 16;
/** More retries than this are cut: a header must not turn one request into a storm. */
const MAX_RETRIES = 100;

/** What `x-envoy-retry-on` gives a route that has no policy: the defaults of Envoy's RetryPolicy. */
const DEFAULT_POLICY: RetryPolicy = Object.freeze({
  on: new Set<RetryOn>(),
  numRetries: 1,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  statusCodes: new Set<number>(),
  retriableHeaders: [],
  retriableRequestHeaders: [],
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  rateLimitedBackoff: undefined,
});

const PRESENT = Object.freeze({ kind: "present", present: true } as const);

const KNOWN: ReadonlySet<string> = new Set(RETRY_ON);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Overrides {
  action: Mutable<ForwardAction>;
  retry: Mutable<RetryPolicy>;
  retryChanged: boolean;
}

function words(value: string): string[] {
  return value.split(",").map((word) => word.trim());
}

/** Milliseconds or a count; undefined: not a plain decimal number, and then the header says nothing. */
function decimal(value: string): number | undefined {
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : undefined;
}

function changeRetry(overrides: Overrides, change: Partial<RetryPolicy>): void {
  overrides.retryChanged = true;
  Object.assign(overrides.retry, change);
}

/**
 * Each header that is understood. They are for this hop: all of them are taken out, also when their value is
 * nonsense.
 */
const READERS: ReadonlyMap<string, (value: string, overrides: Overrides) => void> = new Map([
  [
    "x-envoy-upstream-rq-timeout-ms",
    (value: string, overrides: Overrides) => {
      overrides.action.timeoutMs = decimal(value) ?? overrides.action.timeoutMs;
    },
  ],
  [
    "x-envoy-upstream-rq-per-try-timeout-ms",
    (value: string, overrides: Overrides) => {
      const perTryTimeoutMs = decimal(value);
      if (perTryTimeoutMs !== undefined) changeRetry(overrides, { perTryTimeoutMs });
    },
  ],
  [
    "x-envoy-max-retries",
    (value: string, overrides: Overrides) => {
      const count = decimal(value);
      if (count !== undefined) changeRetry(overrides, { numRetries: Math.min(count, MAX_RETRIES) });
    },
  ],
  ["x-envoy-retry-on", addRetryOn],
  ["x-envoy-retry-grpc-on", addRetryOn],
  [
    "x-envoy-retriable-status-codes",
    (value: string, overrides: Overrides) => {
      const codes = words(value).map(decimal);
      const known = codes.filter((code) => code !== undefined && code >= 100 && code <= 599) as number[];
      changeRetry(overrides, { statusCodes: new Set([...overrides.retry.statusCodes, ...known]) });
    },
  ],
  [
    "x-envoy-retriable-header-names",
    (value: string, overrides: Overrides) => {
      const present = words(value.toLowerCase())
        .filter((name) => name !== "")
        .map((name) => ({ name, value: PRESENT, invert: false, missingAsEmpty: false }));
      changeRetry(overrides, { retriableHeaders: [...overrides.retry.retriableHeaders, ...present] });
    },
  ],
  [
    "x-envoy-upstream-rq-timeout-alt-response",
    (_value: string, overrides: Overrides) => {
      overrides.action.timeoutStatus = 204;
    },
  ],
  [
    "x-envoy-upstream-stream-duration-ms",
    (value: string, overrides: Overrides) => {
      overrides.action.maxStreamDurationMs = decimal(value) ?? overrides.action.maxStreamDurationMs;
    },
  ],
  // Requests are not hedged; asking for it is for this hop all the same.
  ["x-envoy-hedge-on-per-try-timeout", () => {}],
]);

/** Adds to what the route retries on, as Envoy does; words that are not known are passed over. */
function addRetryOn(value: string, overrides: Overrides): void {
  const known = words(value).filter((word) => KNOWN.has(word)) as RetryOn[];
  changeRetry(overrides, { on: new Set([...overrides.retry.on, ...known]) });
}

function mayOverride(fields: FieldLines): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    // The hyphens tell nearly every other field apart without a lower-case copy of its name.
    if (
      name.length >= SHORTEST &&
      name[1] === "-" &&
      name[7] === "-" &&
      name.toLowerCase().startsWith(PREFIX)
    )
      return true;
  }
  return false;
}

/**
 * A caller's own timeouts and retries (`x-envoy-upstream-rq-timeout-ms` and kin), read and taken out of
 * `head.fields`. Call it only for callers that are trusted with them, and `withoutOverrides` for the others.
 * Gives the route's own action when nothing is overridden. A per-try timeout that is not below the whole
 * timeout is without effect, as in Envoy.
 */
export function requestOverrides(action: ForwardAction, head: RequestHead): ForwardAction {
  if (!mayOverride(head.fields)) return action;
  const overrides: Overrides = {
    action: { ...action },
    retry: { ...(action.retryPolicy ?? DEFAULT_POLICY) },
    retryChanged: false,
  };
  takeOut(head, (name, value) => READERS.get(name)?.(value, overrides));
  if (overrides.retryChanged) {
    const { timeoutMs } = overrides.action;
    if (timeoutMs > 0 && overrides.retry.perTryTimeoutMs >= timeoutMs) overrides.retry.perTryTimeoutMs = 0;
    overrides.action.retryPolicy = overrides.retry;
  }
  return overrides.action;
}

/** Takes the same headers out, unread. */
export function withoutOverrides(head: RequestHead): void {
  if (mayOverride(head.fields)) takeOut(head, () => {});
}

function takeOut(head: RequestHead, each: (lowerName: string, value: string) => void): void {
  const kept: FieldLines = [];
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] as string;
    const value = head.fields[i + 1] as string;
    const lowerName = name.toLowerCase();
    if (READERS.has(lowerName)) each(lowerName, value);
    else kept.push(name, value);
  }
  head.fields = kept;
}
