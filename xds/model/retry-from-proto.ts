import { describe } from "../common/fields.ts";
import { didYouMean } from "../common/nearest-name.ts";
import {
  RetryPolicy_RetryBackOffSchema as BackOffSchema,
  type RetryPolicy_RateLimitedRetryBackOff as RateLimitedBackOffProto,
  RetryPolicy_RateLimitedRetryBackOffSchema as RateLimitedBackOffSchema,
  type RetryPolicy as RetryPolicyProto,
  RetryPolicySchema,
} from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import { fieldCheck } from "./field-rules.ts";
import { headerMatchesOf, headerNameOf } from "./header-match-from-proto.ts";
import { RETRY_ON, type RetryOn, type RetryPolicy } from "./route-table.ts";
import { durationMs, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts";

const checkRetryPolicy = fieldCheck(RetryPolicySchema, {
  honoured: [
    "num_retries",
    "per_try_timeout",
    "per_try_idle_timeout",
    "retriable_status_codes",
    "retry_back_off",
    "rate_limited_retry_back_off",
    "retriable_headers",
    "retriable_request_headers",
  ],
  partly: {
    retry_on: "words that are not known give a warning",
    retry_host_predicate: `\`${PREVIOUS_HOSTS}\`, which holds always; others give a warning`,
  },
  // A pick leaves out what was tried at once, without drawing again.
  harmless: ["host_selection_retry_max_attempts"],
});
const checkBackOff = fieldCheck(BackOffSchema, { honoured: ["base_interval", "max_interval"] });
const checkRateLimitedBackOff = fieldCheck(RateLimitedBackOffSchema, {
  honoured: ["reset_headers", "max_interval"],
});

const DEFAULT_BASE_MS = 25;
const DEFAULT_RESET_MAX_MS = 300_000;
const WORDS: ReadonlySet<string> = new Set(RETRY_ON);

/** Defaults are those of route_components.proto; base and maximum follow gRFC A44. */
export function retryPolicyOf(scope: Scope, policy: RetryPolicyProto | undefined): RetryPolicy | undefined {
  if (policy === undefined) return undefined;
  checkRetryPolicy(scope, policy);
  checkPredicates(scope.at("retry_host_predicate"), policy);
  return {
    on: wordsOf(scope.at("retry_on"), policy.retryOn),
    numRetries: policy.numRetries ?? 1,
    perTryTimeoutMs: durationMs(scope, "per_try_timeout", policy.perTryTimeout, 0),
    perTryIdleTimeoutMs: durationMs(scope, "per_try_idle_timeout", policy.perTryIdleTimeout, 0),
    statusCodes: statusCodesOf(scope.at("retriable_status_codes"), policy.retriableStatusCodes),
    retriableHeaders: headerMatchesOf(scope.at("retriable_headers"), policy.retriableHeaders),
    retriableRequestHeaders: headerMatchesOf(
      scope.at("retriable_request_headers"),
      policy.retriableRequestHeaders,
    ),
    ...backOffOf(scope.at("retry_back_off"), policy),
    rateLimitedBackoff: rateLimitedBackOffOf(
      scope.at("rate_limited_retry_back_off"),
      policy.rateLimitedRetryBackOff,
    ),
  };
}

function wordsOf(scope: Scope, text: string): ReadonlySet<RetryOn> {
  const words = text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  for (const word of words) {
    if (WORDS.has(word)) continue;
    scope.warn(`has the word ${describe(word)}, which has no effect${didYouMean(word, RETRY_ON)}`);
  }
  return new Set(words.filter((word): word is RetryOn => WORDS.has(word)));
}

function statusCodesOf(scope: Scope, codes: readonly number[]): ReadonlySet<number> {
  codes.forEach((code, index) => {
    if (code < 100 || code > 599)
      scope.at(index).error(`must be an HTTP status from 100 to 599, not ${code}`);
  });
  return new Set(codes);
}

function backOffOf(scope: Scope, { retryBackOff }: RetryPolicyProto) {
  if (retryBackOff === undefined)
    return { backoffBaseMs: DEFAULT_BASE_MS, backoffMaxMs: 10 * DEFAULT_BASE_MS };
  checkBackOff(scope, retryBackOff);
  const { baseInterval, maxInterval } = retryBackOff;
  if (baseInterval === undefined) scope.at("base_interval").error("is required");
  const base = Math.max(1, durationMs(scope, "base_interval", baseInterval, DEFAULT_BASE_MS, "positive"));
  const max = Math.max(1, durationMs(scope, "max_interval", maxInterval, 10 * base, "positive"));
  if (max < base) scope.at("max_interval").error("must not be shorter than base_interval");
  return { backoffBaseMs: base, backoffMaxMs: max };
}

const RESET_FORMATS = ["seconds", "unix_timestamp"] as const;

function rateLimitedBackOffOf(
  scope: Scope,
  backOff: RateLimitedBackOffProto | undefined,
): RetryPolicy["rateLimitedBackoff"] {
  if (backOff === undefined) return undefined;
  checkRateLimitedBackOff(scope, backOff);
  if (backOff.resetHeaders.length === 0) scope.at("reset_headers").error("must name at least one header");
  const headers = backOff.resetHeaders.map((header, index) => {
    const place = scope.at("reset_headers").at(index);
    return {
      name: headerNameOf(place, "name", header.name),
      format: wordOf(place, "format", header.format, RESET_FORMATS),
    };
  });
  return {
    headers,
    maxMs: durationMs(scope, "max_interval", backOff.maxInterval, DEFAULT_RESET_MAX_MS, "positive"),
  };
}

/** Another endpoint is tried wherever one is left, as `previous_hosts` asks; nothing else can be asked for. */
function checkPredicates(scope: Scope, { retryHostPredicate }: RetryPolicyProto): void {
  retryHostPredicate.forEach((predicate, index) => {
    if (predicate.name !== PREVIOUS_HOSTS)
      scope.at(index).warn(`has no effect; only ${PREVIOUS_HOSTS} is supported`);
  });
}
