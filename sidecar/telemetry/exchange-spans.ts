import {
  type Attributes,
  type AttributeValue,
  type HrTime,
  SpanKind,
  SpanStatusCode,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { ERRORS } from "../../xds/common/errors.ts";
import { PICK_REASON_NAMES } from "../balancing/evidence.ts";
import { OUTCOME, OUTCOME_NAMES } from "../balancing/outcome.ts";
import { splitAddress } from "./address.ts";
import type { AttemptFacts, ExchangeFacts } from "./facts.ts";
import { shownTarget } from "./redaction.ts";
import { exclusions, pickSentence } from "./sentence.ts";
import { verdictOf } from "./verdict.ts";

export interface SpanOptions {
  readonly resource: Resource;
  /** This program's version, the instrumentation scope's. */
  readonly version: string;
  /** Wall time minus monotonic time, in ms: what makes a time of the facts one of the calendar. */
  readonly epochMs: number;
  /** Why the exchange is exported although it was not sampled; empty: it was. */
  readonly sampledBy: string;
}

/** Methods that may stand in a span's name; anything else is `_OTHER` there (semantic conventions, HTTP). */
const KNOWN_METHODS: ReadonlySet<string> = new Set(
  "CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE".split(" "),
);

/** OTLP has no "unknown" in a list of numbers; this stands for one. */
const UNKNOWN = -1;

/**
 * The spans of one exchange: a SERVER span for what the application asked and, below it, a CLIENT span per attempt with the evidence
 * of its pick. HTTP attributes follow OpenTelemetry's semantic conventions, the rest is `dashpot.*`.
 */
export function exchangeSpans(facts: ExchangeFacts, options: SpanOptions): ReadableSpan[] {
  return [
    serverSpan(facts, options),
    ...facts.attempts.map((attempt) => attemptSpan(facts, attempt, options)),
  ];
}

function serverSpan(facts: ExchangeFacts, options: SpanOptions): ReadableSpan {
  const { trace, error } = facts;
  const target = shownTarget(facts.target);
  const server = splitAddress(facts.authority, defaultPort(facts.scheme));
  const attributes = new SpanAttributes();
  addMethod(attributes, facts.method);
  attributes.set("url.scheme", facts.scheme);
  attributes.set("url.path", target.path);
  attributes.setText("url.query", target.query);
  attributes.set("server.address", server.host);
  attributes.set("server.port", server.port);
  attributes.setText("client.address", splitAddress(facts.remoteAddress, 0).host);
  attributes.set("network.protocol.version", facts.protocolVersion);
  attributes.setText("user_agent.original", facts.userAgent.slice(0, 256));
  attributes.set("http.request.body.size", facts.requestBytes);
  attributes.set("http.response.body.size", facts.responseBytes);
  if (facts.status > 0) attributes.set("http.response.status_code", facts.status);
  attributes.set("dashpot.listener", facts.listener);
  attributes.setText("dashpot.route.name", facts.route);
  attributes.setText("dashpot.cluster", facts.cluster);
  attributes.setText("dashpot.config.version", facts.routeVersion);
  attributes.setText("dashpot.cluster.version", facts.clusterVersion);
  attributes.setText("dashpot.endpoints.version", facts.endpointsVersion);
  attributes.setText("dashpot.request_id", facts.requestId);
  attributes.set("dashpot.attempts", facts.attempts.length);
  const verdict = verdictOf(facts);
  attributes.set("dashpot.outcome", verdict);
  attributes.setText("dashpot.response_flags", error?.kind.flag ?? "");
  attributes.setText("dashpot.sampled_by", options.sampledBy);
  const last = facts.attempts.at(-1);
  if (last) attributes.set("dashpot.lb.explain", pickSentence(last, facts.cluster));
  const failed = verdict !== "cancelled" && (facts.status >= 500 || facts.status === 0);
  if (failed) attributes.set("error.type", error?.kind.code ?? String(facts.status || "no_response"));
  return span(facts, options, {
    name: spanName(facts),
    kind: SpanKind.SERVER,
    spanId: trace.spanId,
    parentId: trace.parentSpanId,
    remoteParent: true,
    startedAt: facts.startedAt,
    endedAt: facts.endedAt,
    attributes: attributes.values,
    failure: failed ? (error?.detail ?? "") : undefined,
  });
}

function attemptSpan(facts: ExchangeFacts, attempt: AttemptFacts, options: SpanOptions): ReadableSpan {
  const { evidence, error } = attempt;
  const target = shownTarget(facts.target);
  const server = splitAddress(facts.authority, defaultPort(facts.scheme));
  const attributes = new SpanAttributes();
  addMethod(attributes, facts.method);
  const query = target.query === "" ? "" : `?${target.query}`;
  attributes.set(
    "url.full",
    `${facts.scheme}://${withoutCredentials(facts.authority)}${target.path}${query}`,
  );
  attributes.set("server.address", server.host);
  attributes.set("server.port", server.port);
  const peer = attempt.peerAddress || attempt.address;
  if (peer !== "") {
    const { host, port } = splitAddress(peer, 0);
    attributes.set("network.peer.address", host);
    attributes.set("network.peer.port", port);
  }
  if (attempt.number > 0) attributes.set("http.request.resend_count", attempt.number);
  if (attempt.status > 0) attributes.set("http.response.status_code", attempt.status);
  attributes.setText("dashpot.cluster", facts.cluster);
  attributes.set("dashpot.attempt.outcome", OUTCOME_NAMES[attempt.outcome] ?? "");
  attributes.setText("dashpot.response_flags", error?.kind.flag ?? "");
  attributes.setText("dashpot.retry.decision", attempt.retryDecision);
  attributes.set("dashpot.conn.reused", attempt.reusedConnection);
  attributes.setSpanOfTime("dashpot.conn.wait_ms", attempt.startedAt, attempt.connectedAt);
  attributes.setSpanOfTime("dashpot.ttfb_ms", attempt.startedAt, attempt.firstByteAt);
  attributes.setText("dashpot.sampled_by", options.sampledBy);

  const { count } = evidence;
  attributes.set("dashpot.lb.policy", facts.policy);
  attributes.set("dashpot.lb.reason", PICK_REASON_NAMES[evidence.reason]);
  attributes.set("dashpot.lb.eligible", evidence.eligible);
  attributes.set("dashpot.lb.total", evidence.total);
  attributes.set("dashpot.lb.snapshot", evidence.weightsGeneration);
  attributes.set("dashpot.lb.candidates", [...attempt.candidateAddresses()]);
  attributes.set("dashpot.lb.scores", numbers(evidence.scores, count));
  attributes.set("dashpot.lb.weights", numbers(evidence.weights, count));
  attributes.set("dashpot.lb.inflight", numbers(evidence.inFlight, count));
  attributes.set("dashpot.lb.ewma_ms", numbers(evidence.latencyMs, count));
  attributes.set("dashpot.lb.error_rate", numbers(evidence.errorRates, count));
  attributes.set(
    "dashpot.lb.excluded",
    exclusions(evidence).map(({ cause, count }) => `${cause}:${count}`),
  );
  attributes.set("dashpot.lb.explain", pickSentence(attempt, facts.cluster));

  const cancelled = attempt.outcome === OUTCOME.cancelled || error?.kind === ERRORS.downstreamDisconnect;
  const failed = !cancelled && (attempt.status >= 400 || attempt.status === 0);
  if (failed) attributes.set("error.type", error?.kind.code ?? String(attempt.status || "no_response"));
  return span(facts, options, {
    name: spanName(facts),
    kind: SpanKind.CLIENT,
    spanId: attempt.spanId,
    parentId: facts.trace.spanId,
    remoteParent: false,
    startedAt: attempt.startedAt,
    endedAt: Number.isNaN(attempt.endedAt) ? facts.endedAt : attempt.endedAt,
    attributes: attributes.values,
    failure: failed ? (error?.detail ?? "") : undefined,
  });
}

/** `GET reviews-v2`: the method and what the operator named, never the path, of which there are endlessly many. */
function spanName({ method, route, cluster }: ExchangeFacts): string {
  const target = route || cluster;
  return `${KNOWN_METHODS.has(method) ? method : "HTTP"}${target === "" ? "" : ` ${target}`}`;
}

function addMethod(attributes: SpanAttributes, method: string): void {
  const known = KNOWN_METHODS.has(method);
  attributes.set("http.request.method", known ? method : "_OTHER");
  if (!known) attributes.set("http.request.method_original", method.slice(0, 64));
}

function defaultPort(scheme: string): number {
  return scheme === "https" ? 443 : 80;
}

function withoutCredentials(authority: string): string {
  const at = authority.lastIndexOf("@");
  return at < 0 ? authority : `REDACTED:REDACTED${authority.slice(at)}`;
}

function numbers(column: Float64Array, count: number): number[] {
  return Array.from(column.subarray(0, count), (value) => (Number.isFinite(value) ? value : UNKNOWN));
}

class SpanAttributes {
  readonly values: Attributes = {};

  set(name: string, value: AttributeValue): void {
    this.values[name] = value;
  }

  /** Empty text says nothing and is left out. */
  setText(name: string, value: string): void {
    if (value !== "") this.values[name] = value;
  }

  /** Left out where the attempt did not come so far. */
  setSpanOfTime(name: string, from: number, to: number): void {
    if (to >= from) this.values[name] = Math.round((to - from) * 1_000) / 1_000;
  }
}

interface SpanParts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanId: string;
  readonly parentId: string;
  readonly remoteParent: boolean;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  /** What went wrong; empty: the attributes say it all; undefined: nothing did. */
  readonly failure: string | undefined;
}

const SAMPLED = 1;

function span(facts: ExchangeFacts, options: SpanOptions, parts: SpanParts): ReadableSpan {
  const { traceId } = facts.trace;
  const context = { traceId, spanId: parts.spanId, traceFlags: SAMPLED };
  const { failure } = parts;
  return {
    name: parts.name,
    kind: parts.kind,
    spanContext: () => context,
    ...(parts.parentId === ""
      ? {}
      : {
          parentSpanContext: {
            traceId,
            spanId: parts.parentId,
            traceFlags: SAMPLED,
            isRemote: parts.remoteParent,
          },
        }),
    startTime: hrTime(options.epochMs + parts.startedAt),
    endTime: hrTime(options.epochMs + Math.max(parts.startedAt, parts.endedAt)),
    duration: hrTime(Math.max(0, parts.endedAt - parts.startedAt)),
    status:
      failure === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, ...(failure === "" ? {} : { message: failure.slice(0, 256) }) },
    attributes: parts.attributes,
    links: [],
    events: [],
    ended: true,
    resource: options.resource,
    instrumentationScope: { name: "dashpot", version: options.version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1_000_000)];
}
