import { isAuthority } from "../codec/authority.ts";
import { type FieldLines, fieldValue, type RequestHead } from "../codec/head.ts";
import type { CompiledRoute, ForwardAction } from "./compiled-route.ts";
import { removeField } from "./header-mutator.ts";
import type { RequestContext } from "./request-context.ts";

/** The cluster a request goes to; empty: the header that should name it is absent (answer 503). */
export function clusterOf(action: ForwardAction, context: RequestContext): string {
  if (action.clusterHeader === "") return action.cluster;
  return fieldValue(context.head.fields, action.clusterHeader) ?? "";
}

/**
 * Makes `context.head` what the upstream shall see: header mutations first, because they may ask for the path
 * and host as the caller wrote them, then host, then target. `auto` host rewrites follow when the endpoint is
 * known.
 */
export function prepareRequest(route: CompiledRoute, context: RequestContext): void {
  const { head } = context;
  if (!route.requestHeaders.isEmpty) route.requestHeaders.apply(head.fields, context);
  if (route.action.kind === "forward" && route.action.hostRewrite !== undefined) {
    const { hostRewrite } = route.action;
    if (hostRewrite.kind === "literal") rewriteHost(head, hostRewrite.value);
    else if (hostRewrite.kind === "header") {
      const value = fieldValue(head.fields, hostRewrite.header.toLowerCase());
      // An empty Host would be malformed, and a client's field must not be trusted to be an authority.
      if (value !== undefined && isAuthority(value)) rewriteHost(head, value);
    }
  }
  if (route.rewrite !== undefined && head.method !== "CONNECT") {
    keepOriginal(head.fields, "x-envoy-original-path", head.target);
    head.target = route.rewrite.apply(head.target);
  }
}

/** Sends the request to another host than the caller named, and tells that one in Envoy's field. */
export function rewriteHost(head: RequestHead, authority: string): void {
  keepOriginal(head.fields, "x-envoy-original-host", head.authority);
  head.authority = authority;
}

/** What a caller says by this name itself is nobody's word. */
function keepOriginal(fields: FieldLines, lowerName: string, value: string): void {
  removeField(fields, lowerName);
  fields.push(lowerName, value);
}
