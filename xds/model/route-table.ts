import type { RE2JS } from "re2js";
import type { Fraction, StringMatcher } from "./matcher.ts";

/** RDS resource: which request goes where. */
export interface RouteTable {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  readonly ignorePortInHostMatching: boolean;
  /** Header mutations are done from the table down to the weighted cluster, so that the most specific has the last word. Default: the other way. */
  readonly mostSpecificMutationsWin: boolean;
}

export interface VirtualHost {
  readonly name: string;
  /** `host`, `*.suffix`, `prefix.*` or `*`; each unique in the table; compared without case. */
  readonly domains: readonly string[];
  /** The first that matches wins. */
  readonly routes: readonly Route[];
  readonly requireTls: "none" | "external_only" | "all";
  readonly retryPolicy: RetryPolicy | undefined;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  /** `typed_per_filter_config` for the fault filter; `disabled` switches an inherited one off. */
  readonly fault: FaultPolicy | "disabled" | undefined;
  readonly requestBodyBufferLimitBytes: number | undefined;
  /** Tell the endpoint, or the caller, by `x-envoy-attempt-count` how many attempts were made; the first is 1. */
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
}

export interface Route {
  /** For spans and logs: the resource's `name`, or the match written out. */
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction | RedirectAction | DirectResponseAction;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  readonly fault: FaultPolicy | "disabled" | undefined;
}

export interface RouteMatch {
  readonly path: PathMatch;
  /** All must match. */
  readonly headers: readonly HeaderMatch[];
  /** All must match. */
  readonly query: readonly QueryMatch[];
  readonly grpcOnly: boolean;
  /** The part of requests that the route takes; undefined: all. */
  readonly fraction: Fraction | undefined;
}

export type PathMatch =
  | { readonly kind: "prefix"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "exact"; readonly value: string; readonly ignoreCase: boolean }
  /** `/a` matches `/a` and `/a/b`, not `/ab`. */
  | { readonly kind: "segment_prefix"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "regex"; readonly regex: RE2JS }
  | { readonly kind: "connect" };

export interface HeaderMatch {
  /** Lower case; `:method`, `:path` and `:authority` name the request line's parts. */
  readonly name: string;
  readonly value:
    | { readonly kind: "present"; readonly present: boolean }
    /** Half open, on the decimal integer value. */
    | { readonly kind: "range"; readonly from: bigint; readonly to: bigint }
    | { readonly kind: "string"; readonly matcher: StringMatcher };
  readonly invert: boolean;
  readonly missingAsEmpty: boolean;
}

export interface QueryMatch {
  readonly name: string;
  /** Undefined: present is enough. */
  readonly matcher: StringMatcher | "absent" | undefined;
}

export interface HeaderMutations {
  readonly remove: readonly string[];
  readonly add: readonly HeaderAddition[];
}

export interface HeaderAddition {
  readonly name: string;
  /** Literal text and `%OPERATOR%` pieces, already parsed. */
  readonly value: readonly FormatPiece[];
  readonly action: "append" | "add_if_absent" | "overwrite" | "overwrite_if_present";
  readonly keepEmpty: boolean;
}

/** The named subset of Envoy's substitution operators. `argument` is a header name (or an environment name). */
export type FormatOperator =
  | "REQ"
  | "DOWNSTREAM_REMOTE_ADDRESS"
  | "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"
  | "DOWNSTREAM_LOCAL_ADDRESS"
  | "UPSTREAM_REMOTE_ADDRESS"
  | "UPSTREAM_CLUSTER"
  | "UPSTREAM_HOST"
  | "PROTOCOL"
  | "HOSTNAME"
  | "START_TIME"
  | "ROUTE_NAME"
  | "RESPONSE_FLAGS"
  | "REQUEST_ID"
  | "ENVIRONMENT";

export type FormatPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "operator"; readonly operator: FormatOperator; readonly argument: string };

export interface WeightedCluster {
  readonly cluster: string;
  readonly weight: number;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  readonly fault: FaultPolicy | "disabled" | undefined;
}

export type ClusterChoice =
  | { readonly kind: "cluster"; readonly cluster: string }
  | { readonly kind: "weighted"; readonly clusters: readonly WeightedCluster[] }
  | { readonly kind: "header"; readonly header: string };

export interface RouteAction {
  readonly kind: "forward";
  readonly cluster: ClusterChoice;
  readonly clusterNotFoundStatus: 404 | 500 | 503;
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: { readonly regex: RE2JS; readonly substitution: string } | undefined;
  readonly hostRewrite:
    | { readonly kind: "literal"; readonly value: string }
    | { readonly kind: "header"; readonly header: string }
    /** The chosen endpoint's hostname. */
    | { readonly kind: "auto" }
    | undefined;
  /** From the end of the request to the end of the response, retries included; 0: off. Default 15 000. */
  readonly timeoutMs: number;
  /** Undefined: the listener's stream idle timeout. */
  readonly idleTimeoutMs: number | undefined;
  readonly maxStreamDurationMs: number | undefined;
  /** Cap on the caller's `grpc-timeout`; undefined: the header is not honoured; 0: honoured without a cap. */
  readonly grpcTimeoutMaxMs: number | undefined;
  /** Undefined: the virtual host's. */
  readonly retryPolicy: RetryPolicy | undefined;
  readonly hashPolicy: readonly HashPolicy[];
  readonly mirrors: readonly { readonly cluster: string; readonly fraction: Fraction }[];
  /** Upgrade protocols allowed (true) or refused (false) on this route, over the listener's set. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  readonly priority: "default" | "high";
}

export interface RedirectAction {
  readonly kind: "redirect";
  readonly https: boolean;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
  readonly prefixRewrite: string | undefined;
  readonly regexRewrite: { readonly regex: RE2JS; readonly substitution: string } | undefined;
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly stripQuery: boolean;
}

export interface DirectResponseAction {
  readonly kind: "direct_response";
  readonly status: number;
  readonly body: string;
}

export type HashPolicy = { readonly terminal: boolean } & (
  | { readonly kind: "header"; readonly name: string }
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly ttlMs: number | undefined;
      readonly path: string;
    }
  | { readonly kind: "source_ip" }
  | { readonly kind: "query"; readonly name: string }
);

/** The words of `retry_on` and `retry_grpc_on` that are understood. */
export const RETRY_ON = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "refused-stream",
  "retriable-4xx",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;
export type RetryOn = (typeof RETRY_ON)[number];

export interface RetryPolicy {
  readonly on: ReadonlySet<RetryOn>;
  /** Tries after the first. Default 1. */
  readonly numRetries: number;
  /** 0: none but the route's timeout. */
  readonly perTryTimeoutMs: number;
  /** Longest pause between bytes of one try; 0: that of the stream. */
  readonly perTryIdleTimeoutMs: number;
  readonly statusCodes: ReadonlySet<number>;
  readonly retriableHeaders: readonly HeaderMatch[];
  readonly retriableRequestHeaders: readonly HeaderMatch[];
  /** First delay in ms; grows as [0, (2^n - 1) * base). Default 25. */
  readonly backoffBaseMs: number;
  /** Default 10 x base. */
  readonly backoffMaxMs: number;
  /** Headers of a response that say when to come back (`Retry-After`), with their cap; undefined: not honoured. */
  readonly rateLimitedBackoff:
    | {
        readonly headers: readonly { readonly name: string; readonly format: "seconds" | "unix_timestamp" }[];
        readonly maxMs: number;
      }
    | undefined;
}

/** `envoy.filters.http.fault`: made-up delays and failures, for tests of the caller. */
export interface FaultPolicy {
  readonly delay: { readonly ms: number | "from_header"; readonly fraction: Fraction } | undefined;
  readonly abort:
    | {
        readonly status: number | "from_header";
        readonly grpcStatus: number | undefined;
        readonly fraction: Fraction;
      }
    | undefined;
  readonly headers: readonly HeaderMatch[];
  readonly upstreamCluster: string;
  readonly maxActiveFaults: number;
}
