import { BlockList, isIPv6 } from "node:net";
import { withoutPort } from "../../xds/common/host-port.ts";

/** Loopback, private use and unique local addresses: RFC 1918, RFC 4193, and what Envoy calls internal. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet("127.0.0.0", 8, "ipv4");
PRIVATE.addSubnet("10.0.0.0", 8, "ipv4");
PRIVATE.addSubnet("172.16.0.0", 12, "ipv4");
PRIVATE.addSubnet("192.168.0.0", 16, "ipv4");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addAddress("::1", "ipv6");

/** Callers come from few addresses, and looking one up costs as much as reading a request. */
let lastHost = "";
let lastIsPrivate = false;

/** Is a caller (`address:port`) inside the network? */
export function isPrivateAddress(address: string): boolean {
  const host = withoutPort(address);
  if (host !== lastHost) {
    lastIsPrivate = PRIVATE.check(host, isIPv6(host) ? "ipv6" : "ipv4");
    lastHost = host;
  }
  return lastIsPrivate;
}
