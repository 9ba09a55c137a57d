import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { HttpFilter } from "../../xds/model/listener.ts";
import type { RequestHead } from "../codec/head.ts";
import type { ForwardAction } from "../routing/index.ts";
import type { KnownFields } from "./request-fields.ts";

/** Why a request goes nowhere, whatever its route: undefined for nearly all. */
export function refusalOf(head: RequestHead, known: KnownFields, viaName: string): ProxyError | undefined {
  const via = known.value(head.fields, "via");
  if (via?.includes(viaName))
    return proxyError(ERRORS.forwardingLoop, "the request has come through here before");
  return undefined;
}

/** May the route take a request that asks to leave HTTP? */
export function admits(head: RequestHead, filter: HttpFilter, action: ForwardAction): ProxyError | undefined {
  if (head.method === "CONNECT") {
    if (action.upgrades.get("connect") ?? filter.upgrades.has("connect")) return undefined;
    return proxyError(
      ERRORS.connectRefused,
      "CONNECT is not among the listener's or the route's upgrade_configs",
    );
  }
  if (head.upgrade === "" || (action.upgrades.get(head.upgrade) ?? filter.upgrades.has(head.upgrade)))
    return undefined;
  return proxyError(ERRORS.upgradeRefused, `upgrade to ${head.upgrade} is not among the upgrade_configs`);
}
