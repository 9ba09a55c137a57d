import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { withoutPort } from "../../xds/common/host-port.ts";
import type { HttpFilter } from "../../xds/model/listener.ts";
import { isGrpc, isPrivateAddress, normalizeTarget, pathReference, removeField } from "../routing/index.ts";
import { requestIdOf } from "../telemetry/trace-ids.ts";
import { settleScheme, tellCaller } from "./caller-fields.ts";
import type { ExchangeRecord } from "./exchange-record.ts";
import type { HttpRoutes } from "./http-routes.ts";
import type { LocalReply } from "./local-reply.ts";
import { textReply } from "./local-reply.ts";
import { originAddress } from "./origin-address.ts";
import { addForwarded, addVia, KnownFields, setField } from "./request-fields.ts";
import { answerAtLastHop, refusalOf } from "./request-rules.ts";

/** Scanned into and read within one call, so one serves all. */
const known = new KnownFields();

/**
 * The `head` phase, done to every request before its route is looked for: trace and request id, the checks that no route
 * decides, the fields that this hop adds, the one spelling of its path. What it gives ends the exchange at once; undefined: it goes on.
 */
export function acceptRequest(
  record: ExchangeRecord,
  { filter, via }: Pick<HttpRoutes, "filter" | "via">,
): ProxyError | LocalReply | undefined {
  const { head } = record;
  known.scan(head.fields);
  const peer = record.remoteAddress;
  if (filter.xffTrustedHops > 0) findOrigin(record, filter);
  // Who brings addresses to the edge speaks for others, wherever it stands itself.
  if (filter.useRemoteAddress && known.at("x-forwarded-for") >= 0) record.internal = false;
  const foreignId =
    !record.internal &&
    filter.useRemoteAddress &&
    filter.generateRequestId &&
    !filter.preserveExternalRequestId;
  identify(record, filter, foreignId);
  const ended = refusalOf(head, known, record.context.viaName) ?? answerAtLastHop(head, known);
  if (ended) return ended;
  if (known.at("x-request-id") < 0 && record.requestId !== "") {
    head.fields.push("x-request-id", record.requestId);
  }
  addForwarded(head.fields, known, filter, head.scheme, withoutPort(peer));
  addVia(head.fields, known.at("via"), via[head.version]);
  // Last: they may move fields.
  settleScheme(head, filter, known);
  if (foreignId) setField(head.fields, "x-request-id", record.requestId);
  if (known.at("tracestate") >= 0) passTraceState(record);
  tellCaller(record, filter, known);
  return normalize(record, filter);
}

/** A trusted proxy before this one says whose request it is: that one's address counts, and it may stand outside the network. */
function findOrigin(record: ExchangeRecord, filter: HttpFilter): void {
  const origin = originAddress(record.head.fields, filter);
  if (origin === undefined) return;
  record.remoteAddress = origin;
  record.internal = record.internal && isPrivateAddress(origin);
}

/** @param foreignId an id from outside the network is not taken over, lest a stranger choose what our logs are searched by. */
function identify(record: ExchangeRecord, filter: HttpFilter, foreignId: boolean): void {
  const { fields } = record.head;
  const traceparent = known.traceparents > 1 ? undefined : known.value(fields, "traceparent");
  record.trace = record.context.recorder.begin(
    traceparent,
    known.value(fields, "tracestate"),
    filter.randomSampling,
  );
  record.userAgent = known.value(fields, "user-agent") ?? "";
  record.grpc = known.at("content-type") >= 0 && isGrpc(fields);
  const requestId = foreignId ? undefined : known.value(fields, "x-request-id");
  if (requestId !== undefined) record.requestId = requestId;
  else if (filter.generateRequestId) record.requestId = requestIdOf(record.trace);
}

/** As the trace keeps it: not at all where its `traceparent` was not believed (W3C Trace Context, 3.3). */
function passTraceState({ head, trace }: ExchangeRecord): void {
  if (trace.traceState === "") removeField(head.fields, "tracestate");
  else setField(head.fields, "tracestate", trace.traceState);
}

function normalize({ head }: ExchangeRecord, filter: HttpFilter): ProxyError | LocalReply | undefined {
  if (!filter.normalizePath && !filter.mergeSlashes && filter.escapedSlashes === "keep") return undefined;
  const normalized = normalizeTarget(head.target, filter);
  switch (normalized.verdict) {
    case "keep":
      return undefined;
    case "forward":
      head.target = normalized.target;
      return undefined;
    case "redirect":
      return textReply(307, "", ["Location", pathReference(normalized.target)]);
    case "reject":
      return proxyError(ERRORS.malformedRequest, "the path has escaped slashes, which this listener refuses");
  }
}
