import { RE2JS } from "re2js";
import type { RequestHead } from "../../sidecar/codec/head.ts";
import type { RequestContext } from "../../sidecar/routing/request-context.ts";
import {
  type CompiledTable,
  type CompileOptions,
  compileRouteTable,
} from "../../sidecar/routing/route-table.ts";
import { seededRandom } from "../../xds/common/random.ts";
import type { FormatPiece, HeaderAddition, RouteTable } from "../../xds/model/route-table.ts";

export * from "../support/route-model.ts";

export function regex(pattern: string): RE2JS {
  return RE2JS.compile(pattern);
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
