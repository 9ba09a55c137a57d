import { isIP } from "node:net";

/** Whether this IP literal, without brackets, can be reached from this machine only. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** The same, for places where a name may stand: `localhost` is loopback by definition (RFC 6761, 6.3). */
export function isLoopback(host: string): boolean {
  return host === "localhost" || isLoopbackAddress(host);
}

/**
 * Whether a request's Host may be asking for this machine's own pages. A web site that points its name at 127.0.0.1 (DNS
 * rebinding) makes a browser send that name, so only `localhost` and IP literals pass.
 */
export function isLocalHostHeader(header: string | undefined): boolean {
  if (header === undefined) return false;
  const host = header.replace(/:\d{1,5}$/, "");
  if (host.startsWith("[") && host.endsWith("]")) return isIP(host.slice(1, -1)) === 6;
  return host.toLowerCase() === "localhost" || isIP(host) === 4;
}
