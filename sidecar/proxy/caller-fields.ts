import { withoutPort } from "../../xds/common/host-port.ts";
import type { HttpFilter } from "../../xds/model/listener.ts";
import type { RequestHead } from "../codec/head.ts";
import { removeField } from "../routing/index.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import { type KnownFields, setField } from "./request-fields.ts";

const INTERNAL = "x-envoy-internal";

/** What Envoys tell each other, and a stranger at the edge must not tell those behind it. */
const NOT_FOR_STRANGERS = [
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-host",
  "x-envoy-original-path",
] as const;

/**
 * At the edge (`use_remote_address`) those behind are told whether the caller stands inside the network, and by which address where it
 * does not, and what only proxies may say is taken out. `x-envoy-internal` is believed from nobody. Moves fields.
 */
export function tellCaller(
  record: ExchangeRecord,
  { useRemoteAddress }: HttpFilter,
  known: KnownFields,
): void {
  const { fields } = record.head;
  const claims = known.at(INTERNAL) >= 0;
  if (!useRemoteAddress) {
    if (claims) removeField(fields, INTERNAL);
    return;
  }
  if (record.internal) {
    setField(fields, INTERNAL, "true");
    return;
  }
  if (claims) removeField(fields, INTERNAL);
  for (const name of NOT_FOR_STRANGERS) removeField(fields, name);
  setField(fields, "x-envoy-external-address", withoutPort(record.remoteAddress));
}

/**
 * The scheme that the caller used. At the edge the connection says so, and `x-forwarded-proto` is put right; behind trusted proxies, and
 * where no edge is set up, the field says so, as in Envoy. Moves fields.
 */
export function settleScheme(
  head: RequestHead,
  { useRemoteAddress, xffTrustedHops }: HttpFilter,
  known: KnownFields,
): void {
  const told = known.value(head.fields, "x-forwarded-proto");
  if (told === undefined || told === head.scheme) return;
  if (useRemoteAddress && xffTrustedHops === 0) setField(head.fields, "x-forwarded-proto", head.scheme);
  else if (told === "http" || told === "https") head.scheme = told;
}
