/*
 * Routing: which request goes where.
 *
 * `compileRouteTable(table, options)` once per configuration, then per request:
 *
 *   normalizeTarget(head.target, filter)            before anything matches: keep, forward, redirect or reject
 *   const route = table.route(head, remoteAddress)  CompiledRoute, or undefined (404, no route)
 *   switch (route.action.kind)
 *     "redirect"         redirectLocation(route.action, head, route.rewrite), route.action.status; undefined: 400
 *     "direct_response"  route.action.status, route.action.body
 *     "forward"          ForwardAction: timeouts, retries, mirrors, upgrades
 *       requestOverrides(action, head)              for trusted callers: reads and takes out x-envoy-* overrides
 *       withoutOverrides(head)                      for all others
 *       clusterOf(action, context)                  the cluster's name; "": its header is absent
 *       requestHash(action.hashPolicy, context)     for the balancer; undefined: none
 *       prepareRequest(route, context)              header mutations, host and target, in place
 *   route.responseHeaders.apply(fields, context)    on every response, local replies included
 *   newAffinityCookie(action.hashPolicy, context)   a Set-Cookie for the response, or undefined
 *
 * A CompiledRoute is made when configuration arrives, frozen, and shared: nothing is allocated per request unless a
 * mutation, a rewrite or an override asks for it. `route.fault` is the fault policy resolved over all levels; who
 * injects it checks `matchesHeader` and draws with `drawn`.
 */
export type { CompiledRoute, ForwardAction } from "./compiled-route.ts";
export type { FormatEnvironment } from "./format.ts";
export { newAffinityCookie, requestHash } from "./hash-policy.ts";
export { HeaderMutator, removeField } from "./header-mutator.ts";
export { drawn, headerValue, isGrpc, joinedValue, matchesHeader, matchesString } from "./matching.ts";
export { type NormalizedTarget, normalizeTarget, type PathRules } from "./path-normalization.ts";
export { clusterOf, prepareRequest, rewriteHost } from "./prepare-request.ts";
export { isPrivateAddress } from "./private-address.ts";
export { pathReference, redirectLocation } from "./redirect.ts";
export type { RequestContext } from "./request-context.ts";
export { requestOverrides, withoutOverrides } from "./request-overrides.ts";
export { CompiledTable, type CompileOptions, compileRouteTable } from "./route-table.ts";
export type { TargetRewrite } from "./target-rewrite.ts";
