import type {
  HeaderMutations,
  RedirectAction,
  Route,
  RouteAction,
  RouteMatch,
  RouteTable,
  VirtualHost,
} from "../../xds/model/route-table.ts";

/** Parts of route tables with every default filled in, for tests that look at a few fields only. */

export const NO_MUTATIONS: HeaderMutations = { remove: [], add: [] };

export function match(parts: Partial<RouteMatch> = {}): RouteMatch {
  return {
    path: { kind: "prefix", value: "/", ignoreCase: false },
    headers: [],
    query: [],
    grpcOnly: false,
    fraction: undefined,
    ...parts,
  };
}

export function forward(parts: Partial<RouteAction> = {}): RouteAction {
  return {
    kind: "forward",
    cluster: { kind: "cluster", cluster: "c" },
    clusterNotFoundStatus: 503,
    prefixRewrite: undefined,
    regexRewrite: undefined,
    hostRewrite: undefined,
    timeoutMs: 15_000,
    idleTimeoutMs: undefined,
    maxStreamDurationMs: undefined,
    grpcTimeoutMaxMs: undefined,
    retryPolicy: undefined,
    hashPolicy: [],
    mirrors: [],
    upgrades: new Map(),
    priority: "default",
    ...parts,
  };
}

export function redirect(parts: Partial<RedirectAction> = {}): RedirectAction {
  return {
    kind: "redirect",
    https: false,
    scheme: undefined,
    host: undefined,
    port: undefined,
    path: undefined,
    prefixRewrite: undefined,
    regexRewrite: undefined,
    status: 301,
    stripQuery: false,
    ...parts,
  };
}

export function route(name: string, parts: Partial<Route> = {}): Route {
  return {
    name,
    match: match(),
    action: forward(),
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    fault: undefined,
    ...parts,
  };
}

export function host(
  name: string,
  domains: readonly string[],
  parts: Partial<VirtualHost> = {},
): VirtualHost {
  return {
    name,
    domains,
    routes: [route(name)],
    requireTls: "none",
    retryPolicy: undefined,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    fault: undefined,
    requestBodyBufferLimitBytes: undefined,
    attemptCountInRequest: false,
    attemptCountInResponse: false,
    ...parts,
  };
}

export function table(virtualHosts: readonly VirtualHost[], parts: Partial<RouteTable> = {}): RouteTable {
  return {
    name: "table",
    virtualHosts,
    requestHeaders: NO_MUTATIONS,
    responseHeaders: NO_MUTATIONS,
    ignorePortInHostMatching: false,
    mostSpecificMutationsWin: false,
    ...parts,
  };
}
