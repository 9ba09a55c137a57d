import { withoutPort } from "../../xds/common/host-port.ts";
import { type Hash64, xxhash64 } from "../../xds/common/xxhash64.ts";
import type { HashPolicy } from "../../xds/model/route-table.ts";
import { fieldValues, headerValue, joinedValue, queryValue } from "./matching.ts";
import type { RequestContext } from "./request-context.ts";

type CookiePolicy = HashPolicy & { readonly kind: "cookie" };

/**
 * A cookie's value, without quotes; undefined: absent. Of several with one name the first counts (RFC 6265,
 * 5.4).
 */
function cookieValue(context: RequestContext, name: string): string | undefined {
  const cookies = joinedValue(context.head.fields, "cookie");
  if (cookies === undefined) return undefined;
  // Several Cookie fields are joined by "," although pairs are parted by ";": HTTP/2 callers split them (RFC
  // 9113, 8.2.3).
  for (const pair of cookies.split(/[;,]/)) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}

/**
 * The value of a cookie that the proxy makes: from the addresses, so that it needs no memory (Envoy does the
 * same).
 */
function madeValue(context: RequestContext): string {
  const { high, low } = xxhash64(`${context.remoteAddress}|${context.localAddress}`);
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** Several values count in any order, each as the seed of the next (Envoy). */
function headerHash({ head }: RequestContext, name: string): Hash64 | undefined {
  if (name === "host" || name.startsWith(":")) return textHash(headerValue(head, name));
  let hash: Hash64 | undefined;
  for (const value of fieldValues(head.fields, name).sort()) hash = xxhash64(value, hash);
  return hash;
}

function cookieHash(policy: CookiePolicy, context: RequestContext): Hash64 | undefined {
  const value = cookieValue(context, policy.name);
  return textHash(value || (policy.ttlMs === undefined ? undefined : madeValue(context)));
}

function textHash(text: string | undefined): Hash64 | undefined {
  return text === undefined ? undefined : xxhash64(text);
}

function policyHash(policy: HashPolicy, context: RequestContext): Hash64 | undefined {
  switch (policy.kind) {
    case "header":
      return headerHash(context, policy.name.toLowerCase());
    case "cookie":
      return cookieHash(policy, context);
    case "source_ip":
      return xxhash64(withoutPort(context.remoteAddress));
    case "query":
      return textHash(queryValue(context.head.target, policy.name));
  }
}

/**
 * The hash that keeps like requests on one endpoint, equal to Envoy's; undefined: no policy found anything, the balancer is free.
 * Policies combine by rotate-left-1 and xor, and a terminal one ends the list once anything was found (route_components.proto,
 * `hash_policy`).
 */
export function requestHash(policies: readonly HashPolicy[], context: RequestContext): Hash64 | undefined {
  let hash: Hash64 | undefined;
  for (let i = 0; i < policies.length; i++) {
    const policy = policies[i] as HashPolicy;
    const own = policyHash(policy, context);
    if (own !== undefined) hash = hash === undefined ? own : combined(hash, own);
    if (policy.terminal && hash !== undefined) break;
  }
  return hash;
}

function combined(before: Hash64, own: Hash64): Hash64 {
  return {
    high: (((before.high << 1) | (before.low >>> 31)) ^ own.high) >>> 0,
    low: (((before.low << 1) | (before.high >>> 31)) ^ own.low) >>> 0,
  };
}

/**
 * The `Set-Cookie` value that makes affinity last: for the first cookie policy with a ttl whose cookie the
 * request lacks. Undefined: none is needed.
 */
export function newAffinityCookie(
  policies: readonly HashPolicy[],
  context: RequestContext,
): string | undefined {
  const policy = policies.find(
    (one): one is CookiePolicy =>
      one.kind === "cookie" && one.ttlMs !== undefined && cookieValue(context, one.name) === undefined,
  );
  if (policy === undefined) return undefined;
  // A ttl of 0 asks for a cookie of the browser's session.
  const seconds = Math.ceil((policy.ttlMs ?? 0) / 1000);
  const age = seconds > 0 ? `; Max-Age=${seconds}` : "";
  const path = policy.path === "" ? "" : `; Path=${policy.path}`;
  return `${policy.name}="${madeValue(context)}"${age}${path}; HttpOnly`;
}
