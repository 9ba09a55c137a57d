import { isIP } from "node:net";
import { describe } from "../common/fields.ts";
import { isHostName } from "../common/host-port.ts";
import {
  type Address,
  type SocketAddress,
  SocketAddress_Protocol,
  SocketAddressSchema,
} from "../proto/gen/envoy/config/core/v3/address_pb.js";
import { fieldCheck } from "./field-rules.ts";
import { portOf, textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkSocketAddress = fieldCheck(SocketAddressSchema, {
  honoured: ["port_value"],
  partly: { protocol: "only `TCP`", address: "an IP address; a host name only in DNS clusters" },
  refused: {
    named_port: "is not supported: give port_value",
    resolver_name: "is not supported: leave it out, or give an IP address",
    network_namespace_filepath: "is not supported: Dashpot stays in its own network namespace",
  },
});

export interface AddressRule {
  /** `ip` refuses host names. */
  readonly host: "ip" | "ip_or_name";
  readonly portZero: "refused" | "allowed";
}

/** A host, IPv6 in its one canonical spelling, and a port; undefined after noting a problem. */
export function addressOf(
  scope: Scope,
  address: Address | undefined,
  rule: AddressRule,
): { readonly host: string; readonly port: number } | undefined {
  switch (address?.address.case) {
    case "socketAddress":
      return socketAddressOf(scope.at("socket_address"), address.address.value, rule);
    case "pipe":
      scope.at("pipe").error("is not supported: use a socket_address");
      return undefined;
    case "envoyInternalAddress":
      scope.at("envoy_internal_address").error("is not supported: use a socket_address");
      return undefined;
    default:
      scope.error("is required: give a socket_address");
      return undefined;
  }
}

function socketAddressOf(scope: Scope, address: SocketAddress, rule: AddressRule) {
  checkSocketAddress(scope, address);
  if (address.protocol !== SocketAddress_Protocol.TCP) scope.at("protocol").error("must be TCP");
  const host = hostOf(scope, textOf(scope, "address", address.address, "required"), rule.host);
  if (address.portSpecifier.case === "namedPort") return undefined;
  const port = portOf(scope, "port_value", address.portSpecifier.value ?? 0, rule.portZero);
  return host === undefined || port === undefined ? undefined : { host, port };
}

function hostOf(scope: Scope, host: string, rule: AddressRule["host"]): string | undefined {
  if (host === "") return undefined;
  const family = isIP(host);
  if (family === 6) return canonicalIPv6(scope, host);
  if (family === 4) return host;
  if (rule === "ip") {
    scope
      .at("address")
      .error("must be an IP address; host names need a cluster of type STRICT_DNS or LOGICAL_DNS");
    return undefined;
  }
  if (isHostName(host)) return host;
  scope.at("address").error(`must be an IP address or a host name, not ${describe(host)}`);
  return undefined;
}

/** One spelling per address, or the same endpoint could stand twice. */
function canonicalIPv6(scope: Scope, host: string): string | undefined {
  if (host.includes("%")) {
    scope.at("address").error("must not carry a zone");
    return undefined;
  }
  return new URL(`http://[${host}]`).hostname.slice(1, -1);
}
