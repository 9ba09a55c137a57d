export interface SplitAddress {
  /** An IP literal without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

/** Splits `host:port` as it came off the wire; never fails: what is no port belongs to the host. User information is dropped. */
export function splitAddress(text: string, defaultPort: number): SplitAddress {
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
