import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { HttpFilter } from "../../xds/model/listener.ts";
import type { FieldLines, RequestHead } from "../codec/head.ts";
import type { ForwardAction } from "../routing/index.ts";
import type { LocalReply } from "./local-reply.ts";
import { bytesReply, textReply } from "./local-reply.ts";
import type { KnownFields } from "./request-fields.ts";

/** Why a request goes nowhere, whatever its route: undefined for nearly all. */
export function refusalOf(head: RequestHead, known: KnownFields, viaName: string): ProxyError | undefined {
  if (known.at("via") >= 0 && hasComeThrough(head.fields, viaName))
    return proxyError(ERRORS.forwardingLoop, "the request has come through here before");
  return undefined;
}

/** `Via` may stand in several lines: proxies in between may have added theirs apart. */
function hasComeThrough(fields: FieldLines, viaName: string): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 3 && name.toLowerCase() === "via" && (fields[i + 1] as string).includes(viaName))
      return true;
  }
  return false;
}

/** TRACE shows a caller what arrived; what may be secret is left out (RFC 9110, 9.3.8). */
const SECRET: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie"]);

/**
 * `Max-Forwards` on OPTIONS and TRACE (RFC 9110, 7.6.2): at 0 this is where the request ends and it is answered here;
 * otherwise it is one less for the next hop. Undefined: it goes on.
 */
export function answerAtLastHop(head: RequestHead, known: KnownFields): LocalReply | undefined {
  if (head.method !== "OPTIONS" && head.method !== "TRACE") return undefined;
  const at = known.at("max-forwards");
  if (at < 0) return undefined;
  const left = decimal(head.fields[at] as string);
  if (left < 0) return undefined;
  if (left > 0) {
    head.fields[at] = String(left - 1);
    return undefined;
  }
  return head.method === "TRACE" ? traceReply(head) : textReply(200, "", []);
}

/** More digits than a request can ever count down are no number of hops. */
const MAX_DIGITS = 9;

/** -1: not a plain decimal number. */
function decimal(text: string): number {
  if (text === "" || text.length > MAX_DIGITS) return -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return -1;
  }
  return Number(text);
}

function traceReply(head: RequestHead): LocalReply {
  let text = `TRACE ${head.target} HTTP/1.1\r\nHost: ${head.authority}\r\n`;
  for (let i = 0; i < head.fields.length; i += 2) {
    const name = head.fields[i] as string;
    if (!SECRET.has(name.toLowerCase())) text += `${name}: ${head.fields[i + 1]}\r\n`;
  }
  return bytesReply(200, "message/http", Buffer.from(`${text}\r\n`, "latin1"));
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
