import { isIPv6 } from "node:net";
import { COLON, HOST } from "./grammar.ts";

const OPEN_BRACKET = 0x5b;
const MAX_PORT = 65_535;

/** `[` IPv6 `]`: where it ends, or -1. Zones and IPvFuture name nothing that another host could reach. */
function literalEnd(authority: string): number {
  const close = authority.indexOf("]");
  if (close < 0) return -1;
  const address = authority.slice(1, close);
  return !address.includes("%") && isIPv6(address) ? close + 1 : -1;
}

/** A port of at most five digits; empty is legal (RFC 3986, 3.2.3). */
function isPort(authority: string, from: number): boolean {
  let port = 0;
  if (authority.length - from > 5) return false;
  for (let i = from; i < authority.length; i++) {
    const digit = authority.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= MAX_PORT;
}

/**
 * `uri-host [":" port]` with a host that is not empty: what Host and `:authority` may say (RFC 9110, 7.2).
 * Userinfo is refused because `@` belongs to no part of it (RFC 9110, 4.2.4).
 */
export function isAuthority(authority: string): boolean {
  let at = 0;
  if (authority.charCodeAt(0) === OPEN_BRACKET) {
    at = literalEnd(authority);
    if (at < 0) return false;
  } else {
    while (at < authority.length) {
      const code = authority.charCodeAt(at);
      if (code > 0xff || HOST[code] === 0) break;
      at++;
    }
  }
  if (at === 0) return false;
  if (at === authority.length) return true;
  return authority.charCodeAt(at) === COLON && isPort(authority, at + 1);
}

/** The target of a CONNECT: an authority that names its port (RFC 9110, 9.3.6). */
export function isAuthorityWithPort(authority: string): boolean {
  const last = authority.charCodeAt(authority.length - 1);
  return isAuthority(authority) && last >= 0x30 && last <= 0x39 && /:[0-9]+$/.test(authority);
}
