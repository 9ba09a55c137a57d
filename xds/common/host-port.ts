import { isIP } from "node:net";

export interface HostPort {
  /** An IP literal without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
}

export interface WrittenHostPort extends HostPort {
  readonly isIp: boolean;
}

/** Labels of RFC 1123, 2.1; underscores too, which names inside Docker and Kubernetes carry. A final dot is the root's. */
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;
const LONGEST_NAME = 253;

/** Whether a resolver can be asked for this name. `1.2.3` is none: it is an IP address that somebody mistyped. */
export function isHostName(text: string): boolean {
  return text.length <= LONGEST_NAME && HOST_NAME.test(text) && !/^[\d.]+$/.test(text);
}

/**
 * Reads what a person wrote: `127.0.0.1:9001`, `[::1]:9001` or `orders.internal:8080`; otherwise says what is allowed. `minPort` is
 * 0 where the system may choose the port.
 */
export function parseHostPort(
  text: string,
  minPort: 0 | 1 = 1,
): WrittenHostPort | { readonly error: string } {
  const allowed = 'must be "HOST:PORT", such as 127.0.0.1:9001, [::1]:9001 or orders.internal:9001';
  const bracketed = text.startsWith("[");
  const split = bracketed ? text.indexOf("]:") + 1 : text.lastIndexOf(":");
  if (split < 1) return { error: `${allowed}; the port is missing` };
  const host = bracketed ? text.slice(1, split - 1) : text.slice(0, split);
  const digits = text.slice(split + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : -1;
  if (port < minPort || port > 65_535)
    return { error: `the port must be from ${minPort} to 65535, not "${digits.slice(0, 64)}"` };
  const family = isIP(host);
  if (bracketed ? family !== 6 : family === 6) return { error: allowed };
  if (family === 0 && !isHostName(host)) {
    return { error: `${allowed}; "${host.slice(0, 64)}" is neither an IP address nor a host name` };
  }
  return { host, port, isIp: family !== 0 };
}

/**
 * Splits an authority as it came off the wire (RFC 3986, 3.2); never fails: what is no port belongs to the host. User information is
 * dropped.
 */
export function splitAuthority(text: string, defaultPort: number): HostPort {
  const address = text.slice(text.lastIndexOf("@") + 1);
  const bracket = address.lastIndexOf("]");
  const colon = address.lastIndexOf(":");
  const onlyColon = colon === address.indexOf(":");
  const port = colon > bracket && (bracket > 0 || onlyColon) ? Number(address.slice(colon + 1)) : Number.NaN;
  const withPort = Number.isInteger(port) && port > 0 && port <= 65_535;
  const host = withPort ? address.slice(0, colon) : address;
  return {
    host: host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host,
    port: withPort ? port : defaultPort,
  };
}

/** The host of an address that we wrote ourselves, on the way of each request: `10.0.0.1:80` -> `10.0.0.1`, `[::1]:80` -> `::1`. */
export function withoutPort(address: string): string {
  const colon = address.lastIndexOf(":");
  const host = colon < 0 ? address : address.slice(0, colon);
  return host.startsWith("[") ? host.slice(1, -1) : host;
}
