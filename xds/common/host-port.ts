import { isIP } from "node:net";

export interface HostPort {
  /** An IP literal without brackets, or a host name. */
  readonly host: string;
  readonly port: number;
  readonly isIp: boolean;
}

/** RFC 1123 names; underscores too, because Docker and Kubernetes users have them. */
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/**
 * Reads `127.0.0.1:9001`, `[::1]:9001` or `orders.internal:8080`; otherwise says what is wrong. `minPort` is 0 where the system
 * may choose the port.
 */
export function parseHostPort(text: string, minPort: 0 | 1 = 1): HostPort | { readonly error: string } {
  const allowed = 'must be "HOST:PORT", such as 127.0.0.1:9001, [::1]:9001 or orders.internal:9001';
  const bracketed = text.startsWith("[");
  const split = bracketed ? text.indexOf("]:") + 1 : text.lastIndexOf(":");
  if (split < 1) return { error: `${allowed}; the port is missing` };
  const host = bracketed ? text.slice(1, split - 1) : text.slice(0, split);
  const digits = text.slice(split + 1);
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : -1;
  if (port < minPort || port > 65_535)
    return { error: `the port must be from ${minPort} to 65535, not "${digits}"` };
  const family = isIP(host);
  if (bracketed ? family !== 6 : family === 6) return { error: allowed };
  if (family === 0 && (host.length > 253 || !HOST_NAME.test(host) || /^[\d.]+$/.test(host))) {
    return { error: `${allowed}; "${host.slice(0, 64)}" is neither an IP address nor a host name` };
  }
  return { host, port, isIp: family !== 0 };
}
