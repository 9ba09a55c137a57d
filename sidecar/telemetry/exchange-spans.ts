import { type Attributes, SpanKind } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { ERRORS } from "../../xds/common/errors.ts";
import { splitAuthority } from "../../xds/common/host-port.ts";
import { PICK_REASON_NAMES } from "../balancing/evidence.ts";
import { OUTCOME, OUTCOME_NAMES } from "../balancing/outcome.ts";
import type { SpanContent } from "./exchange-recorder.ts";
import type { AttemptFacts, ExchangeFacts } from "./facts.ts";
import { FinishedSpan, spanContext } from "./finished-span.ts";
import { exclusions } from "./sentence.ts";
import { verdictOf } from "./verdict.ts";

export interface SpanOptions extends SpanContent {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

/** Methods that may stand in a span's name; anything else is `_OTHER` there (semantic conventions, HTTP). */
const KNOWN_METHODS: ReadonlySet<string> = new Set(
  "CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE".split(" "),
);

/** OTLP has no "unknown" in a list of numbers; this stands for one. */
const UNKNOWN = -1;

/**
 * The spans of one exchange: a SERVER span for what the application asked and, below it, a CLIENT span per attempt with the evidence
 * of its pick. HTTP attributes follow OpenTelemetry's semantic conventions, the rest is `dashpot.*`. Empty texts and what an attempt
 * did not come to are left out.
 */
export function exchangeSpans(facts: ExchangeFacts, options: SpanOptions): ReadableSpan[] {
  const spans: ReadableSpan[] = [serverSpan(facts, options)];
  facts.attempts.forEach((attempt, i) => {
    spans.push(attemptSpan(facts, attempt, options.sentences[i] ?? "", options));
  });
  return spans;
}

function serverSpan(facts: ExchangeFacts, options: SpanOptions): ReadableSpan {
  const { trace, error } = facts;
  const { request } = options;
  const server = splitAuthority(request.authority, defaultPort(facts.scheme));
  const verdict = verdictOf(facts);
  const attributes: Attributes = {
    "http.request.method": knownMethod(facts.method),
    "url.scheme": facts.scheme,
    "url.path": request.path,
    "server.address": server.host,
    "server.port": server.port,
    "client.address": splitAuthority(facts.remoteAddress, 0).host,
    "network.protocol.version": facts.protocolVersion,
    "http.request.body.size": facts.requestBytes,
    "http.response.body.size": facts.responseBytes,
    "dashpot.listener": facts.listener,
    "dashpot.attempts": facts.attempts.length,
    "dashpot.outcome": verdict,
  };
  addOriginalMethod(attributes, request.method);
  addText(attributes, "url.query", request.query);
  addText(attributes, "user_agent.original", request.userAgent);
  addStatus(attributes, facts.status);
  addText(attributes, "dashpot.route.name", facts.route);
  addText(attributes, "dashpot.cluster", facts.cluster);
  addText(attributes, "dashpot.config.version", facts.routeVersion);
  addText(attributes, "dashpot.cluster.version", facts.clusterVersion);
  addText(attributes, "dashpot.endpoints.version", facts.endpointsVersion);
  addText(attributes, "dashpot.request_id", request.requestId);
  addText(attributes, "dashpot.response_flags", facts.responseFlags);
  addText(attributes, "dashpot.sampled_by", options.sampledBy);
  addText(attributes, "dashpot.lb.explain", options.sentences.at(-1) ?? "");
  const failed = verdict !== "cancelled" && (facts.status >= 500 || facts.status === 0);
  if (failed) attributes["error.type"] = error?.kind.code ?? String(facts.status || "no_response");
  return new FinishedSpan({
    name: spanName(facts),
    kind: SpanKind.SERVER,
    traceId: trace.traceId,
    spanId: trace.spanId,
    parent: trace.parentSpanId === "" ? undefined : spanContext(trace.traceId, trace.parentSpanId, true),
    startedAt: options.epochMs + facts.startedAt,
    endedAt: options.epochMs + facts.endedAt,
    attributes,
    failure: failed ? request.shorten(error?.detail ?? "") : undefined,
    resource: options.resource,
    scope: options.scope,
  });
}

function attemptSpan(
  facts: ExchangeFacts,
  attempt: AttemptFacts,
  sentence: string,
  options: SpanOptions,
): ReadableSpan {
  const { evidence, error } = attempt;
  const { trace } = facts;
  const { request } = options;
  const server = splitAuthority(request.authority, defaultPort(facts.scheme));
  const query = request.query === "" ? "" : `?${request.query}`;
  const { count } = evidence;
  const attributes: Attributes = {
    "http.request.method": knownMethod(facts.method),
    "url.full": `${facts.scheme}://${withoutCredentials(request.authority)}${request.path}${query}`,
    "server.address": server.host,
    "server.port": server.port,
    "dashpot.attempt.outcome": OUTCOME_NAMES[attempt.outcome] ?? "",
    "dashpot.conn.reused": attempt.reusedConnection,
    "dashpot.lb.policy": facts.policy,
    "dashpot.lb.reason": PICK_REASON_NAMES[evidence.reason],
    "dashpot.lb.eligible": evidence.eligible,
    "dashpot.lb.total": evidence.total,
    "dashpot.lb.snapshot": evidence.weightsGeneration,
    "dashpot.lb.candidates": [...attempt.candidateAddresses()],
    "dashpot.lb.scores": numbers(evidence.scores, count),
    "dashpot.lb.weights": numbers(evidence.weights, count),
    "dashpot.lb.inflight": numbers(evidence.inFlight, count),
    "dashpot.lb.ewma_ms": numbers(evidence.latencyMs, count),
    "dashpot.lb.error_rate": numbers(evidence.errorRates, count),
    "dashpot.lb.excluded": exclusions(evidence).map(({ cause, count }) => `${cause}:${count}`),
    "dashpot.lb.explain": sentence,
  };
  addOriginalMethod(attributes, request.method);
  addPeer(attributes, attempt.peerAddress || attempt.address);
  if (attempt.number > 0) attributes["http.request.resend_count"] = attempt.number;
  addStatus(attributes, attempt.status);
  addText(attributes, "dashpot.cluster", facts.cluster);
  addText(attributes, "dashpot.response_flags", error?.kind.flag ?? "");
  addText(attributes, "dashpot.retry.decision", attempt.retryDecision);
  addElapsed(attributes, "dashpot.conn.wait_ms", attempt.startedAt, attempt.connectedAt);
  addElapsed(attributes, "dashpot.ttfb_ms", attempt.startedAt, attempt.firstByteAt);
  addText(attributes, "dashpot.sampled_by", options.sampledBy);
  const cancelled = attempt.outcome === OUTCOME.cancelled || error?.kind === ERRORS.downstreamDisconnect;
  const failed = !cancelled && (attempt.status >= 400 || attempt.status === 0);
  if (failed) attributes["error.type"] = error?.kind.code ?? String(attempt.status || "no_response");
  return new FinishedSpan({
    name: spanName(facts),
    kind: SpanKind.CLIENT,
    traceId: trace.traceId,
    spanId: attempt.spanId,
    parent: spanContext(trace.traceId, trace.spanId, false),
    startedAt: options.epochMs + attempt.startedAt,
    endedAt: options.epochMs + (Number.isNaN(attempt.endedAt) ? facts.endedAt : attempt.endedAt),
    attributes,
    failure: failed ? request.shorten(error?.detail ?? "") : undefined,
    resource: options.resource,
    scope: options.scope,
  });
}

/** `GET reviews-v2`: the method and what the operator named, never the path, of which there are endlessly many. */
function spanName({ method, route, cluster }: ExchangeFacts): string {
  const target = route || cluster;
  return `${KNOWN_METHODS.has(method) ? method : "HTTP"}${target === "" ? "" : ` ${target}`}`;
}

function knownMethod(method: string): string {
  return KNOWN_METHODS.has(method) ? method : "_OTHER";
}

function addOriginalMethod(attributes: Attributes, method: string): void {
  if (!KNOWN_METHODS.has(method)) attributes["http.request.method_original"] = method;
}

function addPeer(attributes: Attributes, address: string): void {
  if (address === "") return;
  const { host, port } = splitAuthority(address, 0);
  attributes["network.peer.address"] = host;
  attributes["network.peer.port"] = port;
}

function addStatus(attributes: Attributes, status: number): void {
  if (status > 0) attributes["http.response.status_code"] = status;
}

function addText(attributes: Attributes, name: string, value: string): void {
  if (value !== "") attributes[name] = value;
}

function addElapsed(attributes: Attributes, name: string, from: number, to: number): void {
  if (to >= from) attributes[name] = Math.round((to - from) * 1_000) / 1_000;
}

function defaultPort(scheme: string): number {
  return scheme === "https" ? 443 : 80;
}

function withoutCredentials(authority: string): string {
  const at = authority.lastIndexOf("@");
  return at < 0 ? authority : `REDACTED:REDACTED${authority.slice(at)}`;
}

function numbers(column: Float64Array, count: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < count; i++) values.push(Number.isFinite(column[i]) ? column[i]! : UNKNOWN);
  return values;
}
