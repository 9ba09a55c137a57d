import type {
  DirectResponseAction,
  FaultPolicy,
  HashPolicy,
  RedirectAction,
  RetryPolicy,
  RouteAction,
} from "../../xds/model/route-table.ts";
import type { HeaderMutator } from "./header-mutator.ts";
import type { TargetRewrite } from "./target-rewrite.ts";

/**
 * What a request gets: made when configuration arrives, shared by all requests that take the route, never
 * changed. A route with weighted clusters is compiled into one of these per cluster, so that everything a
 * weighted cluster may override (header mutations, fault) stands here resolved.
 */
export interface CompiledRoute {
  /** Names for spans and logs. */
  readonly virtualHost: string;
  readonly name: string;
  readonly action: ForwardAction | RedirectAction | DirectResponseAction;
  /**
   * Weighted cluster, route, virtual host and table in one, in Envoy's order: the table's come last and win.
   */
  readonly requestHeaders: HeaderMutator;
  readonly responseHeaders: HeaderMutator;
  /**
   * The most specific that is set: weighted cluster, route, virtual host, listener. Undefined: none, or
   * switched off.
   */
  readonly fault: FaultPolicy | undefined;
  readonly requestBodyBufferLimitBytes: number | undefined;
  /** Undefined: the target goes on as it came. Redirects use it too. */
  readonly rewrite: TargetRewrite | undefined;
}

/**
 * Send the request to a cluster. All durations in ms; the model (`RouteAction`) says what 0 and undefined
 * mean.
 */
export interface ForwardAction {
  readonly kind: "forward";
  /** Empty: the cluster is named by `clusterHeader`. Ask `clusterOf`. */
  readonly cluster: string;
  /** Lower case; empty: `cluster` stands. */
  readonly clusterHeader: string;
  readonly clusterNotFoundStatus: 404 | 500 | 503;
  /** `literal` and `header` are done by `prepareRequest`; `auto` by who knows the endpoint. */
  readonly hostRewrite: RouteAction["hostRewrite"];
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number | undefined;
  readonly maxStreamDurationMs: number | undefined;
  readonly grpcTimeoutMaxMs: number | undefined;
  /** The route's, else its virtual host's. Undefined: nothing is retried. */
  readonly retryPolicy: RetryPolicy | undefined;
  readonly hashPolicy: readonly HashPolicy[];
  readonly mirrors: RouteAction["mirrors"];
  readonly upgrades: ReadonlyMap<string, boolean>;
  readonly priority: "default" | "high";
}
