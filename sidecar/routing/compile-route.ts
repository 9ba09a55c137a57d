import type {
  FaultPolicy,
  HeaderMutations,
  Route,
  RouteAction,
  RouteTable,
  VirtualHost,
  WeightedCluster,
} from "../../xds/model/route-table.ts";
import type { CompiledRoute, ForwardAction } from "./compiled-route.ts";
import type { FormatEnvironment } from "./format.ts";
import { compileMutations, NO_MUTATION } from "./header-mutator.ts";
import { TargetRewrite } from "./target-rewrite.ts";

export interface RouteOutcomes {
  readonly outcomes: readonly CompiledRoute[];
  readonly weights: readonly number[];
}

interface Surroundings {
  readonly environment: FormatEnvironment;
  readonly fault: FaultPolicy | undefined;
}

/** The most specific level that says anything decides, and may say "none" (gRFC A33). */
function resolveFault(
  levels: readonly (FaultPolicy | "disabled" | undefined)[],
  listener: FaultPolicy | undefined,
): FaultPolicy | undefined {
  const decided = levels.find((level) => level !== undefined);
  if (decided === "disabled") return undefined;
  return decided ?? listener;
}

function compileRewrite(route: Route): TargetRewrite | undefined {
  const { action } = route;
  if (action.kind === "direct_response") return undefined;
  if (action.prefixRewrite === undefined && action.regexRewrite === undefined) return undefined;
  return new TargetRewrite(route.match.path, action.prefixRewrite, action.regexRewrite);
}

function forward(action: RouteAction, host: VirtualHost, cluster: string): ForwardAction {
  const { prefixRewrite: _, regexRewrite: __, ...rest } = action;
  return {
    ...rest,
    cluster,
    clusterHeader: action.cluster.kind === "header" ? action.cluster.header.toLowerCase() : "",
    timeoutStatus: 504,
    retryPolicy: action.retryPolicy ?? host.retryPolicy,
  };
}

/** All that may come of a route: one outcome, or one per weighted cluster that can be drawn. */
export function compileRoute(
  table: RouteTable,
  host: VirtualHost,
  route: Route,
  surroundings: Surroundings,
): RouteOutcomes {
  const rewrite = compileRewrite(route);
  const outcome = (action: CompiledRoute["action"], weighted?: WeightedCluster): CompiledRoute => {
    const upwards = [...(weighted ? [weighted] : []), route, host, table];
    const levels = table.mostSpecificMutationsWin ? upwards.toReversed() : upwards;
    const mutations = (of: (level: RouteTable | VirtualHost | Route | WeightedCluster) => HeaderMutations) =>
      compileMutations(levels.map(of), surroundings.environment);
    return Object.freeze({
      virtualHost: host.name,
      name: route.name,
      action: Object.freeze(action),
      requestHeaders: mutations((level) => level.requestHeaders),
      responseHeaders: mutations((level) => level.responseHeaders),
      fault: resolveFault([weighted?.fault, route.fault, host.fault], surroundings.fault),
      requestBodyBufferLimitBytes: host.requestBodyBufferLimitBytes,
      attemptCountInRequest: host.attemptCountInRequest,
      attemptCountInResponse: host.attemptCountInResponse,
      rewrite,
    });
  };

  const { action } = route;
  if (action.kind !== "forward") return { outcomes: [outcome(action)], weights: [1] };
  if (action.cluster.kind !== "weighted") {
    const cluster = action.cluster.kind === "cluster" ? action.cluster.cluster : "";
    return { outcomes: [outcome(forward(action, host, cluster))], weights: [1] };
  }
  const drawable = action.cluster.clusters.filter(({ weight }) => weight > 0);
  return {
    outcomes: drawable.map((weighted) => outcome(forward(action, host, weighted.cluster), weighted)),
    weights: drawable.map(({ weight }) => weight),
  };
}

/**
 * What a virtual host with `require_tls` answers to a request in the clear: the same address, with TLS (301,
 * as Envoy).
 */
export function httpsRedirect(host: VirtualHost): CompiledRoute {
  return Object.freeze({
    virtualHost: host.name,
    name: "require_tls",
    action: Object.freeze({
      kind: "redirect",
      https: true,
      scheme: undefined,
      host: undefined,
      port: undefined,
      path: undefined,
      prefixRewrite: undefined,
      regexRewrite: undefined,
      status: 301,
      stripQuery: false,
    }),
    requestHeaders: NO_MUTATION,
    responseHeaders: NO_MUTATION,
    fault: undefined,
    requestBodyBufferLimitBytes: undefined,
    attemptCountInRequest: false,
    attemptCountInResponse: false,
    rewrite: undefined,
  });
}
