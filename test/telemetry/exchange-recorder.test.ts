import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyResource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import pino from "pino";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { accessLine } from "../../sidecar/telemetry/access-log.ts";
import { ExchangeRecorder } from "../../sidecar/telemetry/exchange-recorder.ts";
import { exchangeSpans } from "../../sidecar/telemetry/exchange-spans.ts";
import { shownRequest } from "../../sidecar/telemetry/redaction.ts";
import { Sampler } from "../../sidecar/telemetry/sampler.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { seededRandom } from "../../xds/common/random.ts";
import { attemptFacts, exchangeFacts } from "../support/exchange-facts.ts";
import { FakeClock } from "../support/fake-clock.ts";

function recorderOf(options: { ringSize?: number; ratio?: number; longestText?: number } = {}): {
  clock: FakeClock;
  recorder: ExchangeRecorder;
  spans: ReadableSpan[];
} {
  const spans: ReadableSpan[] = [];
  const resource = emptyResource();
  const scope = { name: "dashpot", version: "0.1.0" };
  const clock = new FakeClock();
  const recorder = new ExchangeRecorder({
    clock,
    logger: pino({ level: "silent" }),
    random: seededRandom(1),
    sampler: new Sampler({ ratio: options.ratio ?? 0, parentBased: true }),
    spans: {
      offer: (facts, content) => spans.push(...exchangeSpans(facts, { ...content, resource, scope })),
    },
    accessLog: undefined,
    ringSize: options.ringSize ?? 10,
    ...(options.longestText === undefined ? {} : { longestText: options.longestText }),
  });
  return { clock, recorder, spans };
}

test("a caller's trace is continued, and its tracestate passed on", () => {
  const { recorder } = recorderOf();
  const trace = recorder.begin(
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "rojo=1",
    undefined,
  );
  assert.equal(trace.traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
  assert.equal(trace.parentSpanId, "00f067aa0ba902b7");
  assert.notEqual(trace.spanId, "00f067aa0ba902b7");
  assert.equal(trace.sampled, true);
  assert.equal(trace.traceState, "rojo=1");
});

test("a void traceparent starts a new trace and takes tracestate with it", () => {
  const { recorder } = recorderOf();
  const trace = recorder.begin("00-nonsense", "rojo=1", undefined);
  assert.match(trace.traceId, /^[0-9a-f]{32}$/);
  assert.equal(trace.parentSpanId, "");
  assert.equal(trace.traceState, "");
});

const failure = proxyError(ERRORS.upstreamReset, "the connection broke");
const KEPT: readonly (readonly [why: string, facts: Parameters<typeof exchangeFacts>[0], kept: string])[] = [
  [
    "an error status",
    { status: 503, attempts: [attemptFacts({ status: 503, outcome: OUTCOME.gatewayError })] },
    "error",
  ],
  ["a failure without a response", { status: 0, error: failure }, "error"],
  ["a retry", { attempts: [attemptFacts(), attemptFacts({ number: 1 })] }, "retry"],
  ["a slow answer", { startedAt: 0, endedAt: 1_500 }, "slow"],
];

for (const [why, facts, kept] of KEPT) {
  test(`an unsampled exchange is kept for ${why}`, () => {
    const { recorder, spans } = recorderOf();
    recorder.end(exchangeFacts(facts));
    assert.equal(recorder.decisions.recent({}, 1)[0]?.keptBecause, kept);
    assert.equal(spans[0]?.attributes["dashpot.sampled_by"], kept);
  });
}

const EJECTION = {
  kind: "ejected" as const,
  address: "10.0.0.1:8080",
  reason: "5 failures in a row",
  durationMs: 2_000,
};

test("an ejection from before an attempt is not laid to it", () => {
  const { clock, recorder } = recorderOf();
  clock.advance(500);
  recorder.onBalancerEvent("orders", EJECTION);
  recorder.end(exchangeFacts());
  assert.equal(recorder.decisions.added, 0);
});

test("the exchange that got its endpoint ejected is kept, and only that one", () => {
  const { clock, recorder } = recorderOf();
  clock.advance(1_012);
  recorder.onBalancerEvent("orders", EJECTION);
  recorder.end(exchangeFacts({ cluster: "payments" }));
  recorder.end(exchangeFacts());
  recorder.end(exchangeFacts());
  const kept = recorder.decisions.recent({}, 10);
  assert.deepEqual(
    kept.map(({ keptBecause }) => keptBecause),
    ["ejection"],
  );
  assert.equal(recorder.events.states()[0]?.reason, "5 failures in a row");
});

test("a caller that leaves is counted, not kept as a failure", () => {
  const { recorder } = recorderOf();
  const error = proxyError(ERRORS.downstreamDisconnect, "the caller left");
  recorder.end(
    exchangeFacts({ status: 0, error, attempts: [attemptFacts({ outcome: OUTCOME.cancelled, status: 0 })] }),
  );
  assert.equal(recorder.decisions.added, 0);
  assert.equal(recorder.traffic.view(1_013).errorRate, 0);
});

test("the ring forgets the oldest, and finds what it has by id, trace, and filter", () => {
  const { recorder } = recorderOf({ ringSize: 3, ratio: 1 });
  for (let i = 0; i < 5; i++) {
    const trace = recorder.begin(undefined, undefined, undefined);
    recorder.end(exchangeFacts({ trace, cluster: i % 2 === 0 ? "orders" : "reviews" }));
  }
  const { decisions } = recorder;
  assert.deepEqual(
    decisions.recent({}, 10).map(({ id }) => id),
    [5, 4, 3],
  );
  assert.deepEqual(
    decisions.recent({ cluster: "orders" }, 10).map(({ id }) => id),
    [5, 3],
  );
  assert.deepEqual(decisions.recent({ endpoint: "nobody" }, 10), []);
  assert.equal(decisions.get(2), undefined);
  assert.equal(decisions.ofTrace(decisions.get(4)!.traceId)[0]?.id, 4);
});

test("followers hear of every decision until they stop", () => {
  const { recorder } = recorderOf({ ratio: 1 });
  const heard: number[] = [];
  const stop = recorder.decisions.follow(({ id }) => heard.push(id));
  const trace = recorder.begin(undefined, undefined, undefined);
  recorder.end(exchangeFacts({ trace }));
  stop();
  recorder.end(exchangeFacts({ trace }));
  assert.deepEqual(heard, [1]);
});

test("spans, decisions and the access log cut the texts of a caller, and show that they did", () => {
  const { recorder, spans } = recorderOf({ ratio: 1, longestText: 10 });
  const trace = recorder.begin(undefined, undefined, undefined);
  const long = "x".repeat(60_000);
  const facts = exchangeFacts({
    trace,
    method: long,
    authority: `${long}:80`,
    target: `/${long}?${long}`,
    userAgent: long,
    requestId: long,
    status: 503,
    error: proxyError(ERRORS.connectFailure, long),
    attempts: [attemptFacts({ status: 0, error: proxyError(ERRORS.connectFailure, long) })],
  });
  recorder.end(facts);
  const cut = `${"x".repeat(10)}…`;
  const { method, authority, path, user_agent, request_id } = JSON.parse(
    accessLine(facts, shownRequest(facts, 10), 0),
  ) as Record<string, string>;
  assert.deepEqual(
    [method, authority, path, user_agent, request_id],
    [cut, cut, `/${"x".repeat(9)}…?${cut}`, cut, cut],
  );
  const kept = recorder.decisions.recent({}, 1)[0];
  assert.deepEqual(
    [kept?.method, kept?.authority, kept?.requestId, kept?.error?.detail],
    [cut, cut, cut, cut],
  );
  for (const { attributes, status } of spans) {
    assert.doesNotMatch(JSON.stringify([attributes, status]), /x{11}/);
  }
});

test("a decision hides tokens of the query and cuts what is too long", () => {
  const { recorder, spans } = recorderOf({ ratio: 1 });
  const trace = recorder.begin(undefined, undefined, undefined);
  recorder.end(exchangeFacts({ trace, target: `/a?token=s3cret&x=1`, authority: "h".repeat(5_000) }));
  const kept = recorder.decisions.recent({}, 1)[0]!;
  assert.equal(kept.path, "/a");
  assert.equal(kept.authority, `${"h".repeat(1_024)}…`);
  assert.equal(spans[0]?.attributes["url.query"], "token=REDACTED&x=1");
  assert.doesNotMatch(JSON.stringify(spans.map(({ attributes }) => attributes)), /s3cret/);
});

test("a span's name never holds the path or an unknown method", () => {
  const { recorder, spans } = recorderOf({ ratio: 1 });
  const trace = recorder.begin(undefined, undefined, undefined);
  recorder.end(exchangeFacts({ trace, method: "BREW", route: "", target: "/users/7" }));
  assert.equal(spans[0]?.name, "HTTP orders");
  assert.equal(spans[0]?.attributes["http.request.method"], "_OTHER");
  assert.equal(spans[0]?.attributes["http.request.method_original"], "BREW");
});
