import { isIP } from "node:net";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { HttpFilter } from "../../xds/model/listener.ts";
import type { FieldLines } from "../codec/head.ts";
import { joinedValue } from "../routing/index.ts";

/**
 * The address that a request came from by what `xff_num_trusted_hops` proxies before this one wrote into `x-forwarded-for`, with port 0;
 * undefined: the field is too short or holds no address there, and the connection's own peer counts. At the edge
 * (`use_remote_address`) the peer itself is the last of the trusted hops, elsewhere the list's last entry is (http_connection_manager.proto).
 * Without trusted hops nobody's word is taken: Envoy believes the last entry then, whoever wrote it.
 */
export function originAddress(
  fields: FieldLines,
  { xffTrustedHops, useRemoteAddress }: HttpFilter,
): string | undefined {
  const hops = joinedValue(fields, "x-forwarded-for")?.split(",") ?? [];
  const entry = hops[hops.length - xffTrustedHops - (useRemoteAddress ? 0 : 1)]?.trim() ?? "";
  return isIP(entry) === 0 ? undefined : endpointAddress(entry, 0);
}
