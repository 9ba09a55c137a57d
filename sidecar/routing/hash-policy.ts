import { withoutPort } from "../../xds/common/host-port.ts";
import { xxhash32 } from "../../xds/common/xxhash32.ts";
import type { HashPolicy } from "../../xds/model/route-table.ts";
import { joinedValue, queryValue } from "./matching.ts";
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
  const addresses = `${context.remoteAddress}|${context.localAddress}`;
  const hex = (seed: number): string => xxhash32(addresses, seed).toString(16).padStart(8, "0");
  return hex(0) + hex(1);
}

function policyValue(policy: HashPolicy, context: RequestContext): string | undefined {
  switch (policy.kind) {
    case "header":
      return joinedValue(context.head.fields, policy.name.toLowerCase());
    case "cookie": {
      const value = cookieValue(context, policy.name);
      return value ?? (policy.ttlMs === undefined ? undefined : madeValue(context));
    }
    case "source_ip":
      return withoutPort(context.remoteAddress);
    case "query":
      return queryValue(context.head.target, policy.name);
  }
}

/**
 * The 32-bit hash that keeps like requests on one endpoint; undefined: no policy found anything, the balancer
 * is free. Policies combine by rotate-left-1 and xor, and a terminal one that found something ends the list
 * (gRFC A42).
 */
export function requestHash(policies: readonly HashPolicy[], context: RequestContext): number | undefined {
  let hash: number | undefined;
  for (let i = 0; i < policies.length; i++) {
    const policy = policies[i] as HashPolicy;
    const value = policyValue(policy, context);
    if (value !== undefined && value !== "") {
      const own = xxhash32(value);
      hash = hash === undefined ? own : (((hash << 1) | (hash >>> 31)) ^ own) >>> 0;
    }
    if (policy.terminal && hash !== undefined) break;
  }
  return hash;
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
