import type {
  DirectResponseAction,
  FaultPolicy,
  RedirectAction,
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
   * Weighted cluster, route, virtual host and table in one, in Envoy's order: the table's come last and win, unless it says otherwise.
   */
  readonly requestHeaders: HeaderMutator;
  readonly responseHeaders: HeaderMutator;
  /**
   * The most specific that is set: weighted cluster, route, virtual host, listener. Undefined: none, or
   * switched off.
   */
  readonly fault: FaultPolicy | undefined;
  readonly requestBodyBufferLimitBytes: number | undefined;
  readonly attemptCountInRequest: boolean;
  readonly attemptCountInResponse: boolean;
  /** Undefined: the target goes on as it came. Redirects use it too. */
  readonly rewrite: TargetRewrite | undefined;
}

/** Send the request to a cluster: the model's action, with one cluster and with what other levels say resolved. */
export interface ForwardAction extends Omit<RouteAction, "cluster" | "prefixRewrite" | "regexRewrite"> {
  /** Empty: the cluster is named by `clusterHeader`. Ask `clusterOf`. */
  readonly cluster: string;
  /** Lower case; empty: `cluster` stands. */
  readonly clusterHeader: string;
  /** What a caller is told whose route's time is up: 504, or the 204 that it asked for. */
  readonly timeoutStatus: 504 | 204;
  /** `literal` and `header` are done by `prepareRequest`; `auto` by who knows the endpoint. */
  readonly hostRewrite: RouteAction["hostRewrite"];
  /** The route's, else its virtual host's. Undefined: nothing is retried. */
  readonly retryPolicy: RouteAction["retryPolicy"];
}
