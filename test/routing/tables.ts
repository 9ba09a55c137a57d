import { RE2JS } from "re2js";
import type { RequestHead } from "../../sidecar/codec/head.ts";
import type { RequestContext } from "../../sidecar/routing/request-context.ts";
import {
  type CompiledTable,
  type CompileOptions,
  compileRouteTable,
} from "../../sidecar/routing/route-table.ts";
import { seededRandom } from "../../xds/common/random.ts";
import type {
  FormatPiece,
  HeaderAddition,
  HeaderMutations,
  RedirectAction,
  Route,
  RouteAction,
  RouteMatch,
  RouteTable,
  VirtualHost,
} from "../../xds/model/route-table.ts";

export const NO_MUTATIONS: HeaderMutations = { remove: [], add: [] };

export function regex(pattern: string): RE2JS {
  return RE2JS.compile(pattern);
}

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
    ...parts,
  };
}

export function compile(model: RouteTable, options: Partial<CompileOptions> = {}): CompiledTable {
  return compileRouteTable(model, {
    random: seededRandom(1),
    environment: { hostname: "machine", variable: (name) => (name === "ZONE" ? "z1" : undefined) },
    fault: undefined,
    ...options,
  });
}

export function request(parts: Partial<RequestHead> = {}): RequestHead {
  return {
    method: "GET",
    target: "/",
    authority: "a",
    scheme: "http",
    version: 1,
    fields: [],
    framing: "none",
    contentLength: -1,
    keepAlive: true,
    upgrade: "",
    expectContinue: false,
    acceptsTrailers: false,
    ...parts,
  };
}

export function context(head: RequestHead, parts: Partial<RequestContext> = {}): RequestContext {
  return {
    head,
    remoteAddress: "10.0.0.1:1234",
    localAddress: "127.0.0.1:15001",
    requestId: "id",
    startedAtWall: 0,
    routeName: "r",
    cluster: "c",
    upstreamAddress: "",
    upstreamHost: "",
    responseFlags: "",
    ...parts,
  };
}

export function text(value: string): readonly FormatPiece[] {
  return [{ kind: "text", text: value }];
}

export function add(
  name: string,
  value: string,
  action: HeaderAddition["action"] = "append",
): HeaderAddition {
  return { name, value: text(value), action, keepEmpty: false };
}
