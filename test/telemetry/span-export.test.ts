import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import pino from "pino";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { StatSheet } from "../../sidecar/telemetry/stat-sheet.ts";
import { createTelemetry, type Telemetry } from "../../sidecar/telemetry/telemetry.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { attemptFacts, evidenceOf, exchangeFacts } from "../support/exchange-facts.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";

function telemetryTo(endpoint: string, environment: Record<string, string> = {}): Promise<Telemetry> {
  return createTelemetry({
    clock: new FakeClock(),
    logger: pino({ level: "silent" }),
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: "1", ...environment },
    version: "0.1.0",
    nodeId: "sidecar-1",
    serviceName: "storefront",
    sampleRatio: 0,
    accessLog: "off",
    ringSize: 100,
    slowMs: 1_000,
    longestText: 1_024,
  });
}

const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("a sampled request arrives as a SERVER span with a CLIENT span per attempt below it", async (t) => {
  const receiver = await OtlpReceiver.start();
  t.after(() => receiver.close());
  const telemetry = await telemetryTo(receiver.endpoint);
  const { recorder } = telemetry;
  const trace = recorder.begin(PARENT, undefined, undefined);
  const spanId = recorder.spanId();
  recorder.end(exchangeFacts({ trace, attempts: [attemptFacts({ spanId })] }));
  await receiver.received(2);

  const [server, client] = receiver.spans;
  assert.ok(server && client);
  assert.equal(server.kind, 2);
  assert.equal(server.name, "GET orders-all");
  assert.equal(server.traceId, "4bf92f3577b34da6a3ce929d0e0e4736");
  assert.equal(server.parentSpanId, "00f067aa0ba902b7");
  assert.equal(server.spanId, trace.spanId);
  assert.equal(server.resource["service.name"], "storefront");
  assert.equal(server.resource["dashpot.node.id"], "sidecar-1");
  assert.equal(server.attributes["http.request.method"], "GET");
  assert.equal(server.attributes["server.address"], "orders");
  assert.equal(server.attributes["server.port"], 80);
  assert.equal(server.attributes["http.response.status_code"], 200);
  assert.equal(server.attributes["dashpot.cluster"], "orders");
  assert.equal(server.attributes["dashpot.outcome"], "ok");
  assert.equal(server.endNano - server.startNano, 14_000_000n);
  assert.equal(server.status, 0);

  assert.equal(client.kind, 3);
  assert.equal(client.spanId, spanId);
  assert.equal(client.parentSpanId, server.spanId);
  assert.equal(client.traceId, server.traceId);
  assert.equal(client.attributes["url.full"], "http://orders:80/v1/orders?limit=5");
  assert.equal(client.attributes["network.peer.address"], "10.0.0.1");
  assert.equal(client.attributes["network.peer.port"], 8080);
  assert.deepEqual(client.attributes["dashpot.lb.candidates"], ["10.0.0.1:8080", "10.0.0.2:8080"]);
  assert.deepEqual(client.attributes["dashpot.lb.ewma_ms"], [12, 31]);
  assert.equal(client.attributes["dashpot.lb.policy"], "adaptive");
  assert.equal(client.attributes["dashpot.lb.reason"], "lowest_score");
  assert.equal(client.attributes["dashpot.ttfb_ms"], 11);
  assert.equal(
    client.attributes["dashpot.lb.explain"],
    "chose 10.0.0.1:8080 (12 ms, 0 % errors, weight 1.10, 2 in flight) over " +
      "10.0.0.2:8080 (31 ms, 2.1 % errors, weight 0.90, 5 in flight)",
  );
  await telemetry.shutdown();
});

test("an unsampled request that is retried arrives whole, marked with why", async (t) => {
  const receiver = await OtlpReceiver.start();
  t.after(() => receiver.close());
  const telemetry = await telemetryTo(receiver.endpoint, { OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" });
  const { recorder } = telemetry;
  const trace = recorder.begin(undefined, undefined, undefined);
  assert.equal(trace.sampled, false);
  const refused = proxyError(ERRORS.connectFailure, "10.0.0.1:8080 refused the connection");
  recorder.end(
    exchangeFacts({
      trace,
      attempts: [
        attemptFacts({
          spanId: recorder.spanId(),
          status: 0,
          outcome: OUTCOME.connectFailure,
          error: refused,
          connectedAt: Number.NaN,
          firstByteAt: Number.NaN,
        }),
        attemptFacts({ spanId: recorder.spanId(), number: 1, address: "10.0.0.2:8080" }),
      ],
    }),
  );
  await receiver.received(3);
  const [server, first, second] = receiver.spans;
  assert.equal(server?.parentSpanId, "");
  assert.equal(server?.attributes["dashpot.sampled_by"], "retry");
  assert.equal(server?.attributes["dashpot.outcome"], "retried_ok");
  assert.equal(first?.status, 2);
  assert.equal(first?.attributes["error.type"], "connect_failure");
  assert.equal(first?.attributes["dashpot.ttfb_ms"], undefined);
  assert.equal(second?.status, 0);
  assert.equal(second?.attributes["http.request.resend_count"], 1);
  await telemetry.shutdown();
});

test("a request without an endpoint still names its cluster and says what was excluded", async (t) => {
  const receiver = await OtlpReceiver.start();
  t.after(() => receiver.close());
  const telemetry = await telemetryTo(receiver.endpoint);
  const evidence = evidenceOf([], 3);
  evidence.excluded[0] = 2;
  evidence.excluded[2] = 1;
  const error = proxyError(ERRORS.noHealthyUpstream, "cluster orders has no endpoint to use");
  telemetry.recorder.end(
    exchangeFacts({
      status: 503,
      error,
      attempts: [
        attemptFacts({ address: "", peerAddress: "", status: 0, outcome: OUTCOME.local, error, evidence }),
      ],
    }),
  );
  await receiver.received(2);
  assert.equal(receiver.spans[0]?.attributes["dashpot.cluster"], "orders");
  assert.equal(receiver.spans[0]?.attributes["dashpot.response_flags"], "UH");
  assert.deepEqual(receiver.spans[1]?.attributes["dashpot.lb.excluded"], ["ejected:2", "unhealthy:1"]);
  assert.equal(
    receiver.spans[1]?.attributes["dashpot.lb.explain"],
    "no endpoint of orders could be used: 2 of 3 ejected, 1 unhealthy",
  );
  await telemetry.shutdown();
});

test("a request that goes well unsampled leaves no span and no decision", async (t) => {
  const receiver = await OtlpReceiver.start();
  t.after(() => receiver.close());
  const telemetry = await telemetryTo(receiver.endpoint);
  telemetry.recorder.end(exchangeFacts());
  await telemetry.shutdown();
  assert.equal(receiver.requestsSeen.length, 0);
  assert.equal(telemetry.recorder.decisions.added, 0);
  assert.equal(telemetry.recorder.metrics.exchanges, 1);
});

async function deadEndpoint(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

for (const collector of ["hanging", "dead"] as const) {
  test(`a ${collector} collector costs spans, never memory without bound or a slow end`, async (t) => {
    const receiver = await OtlpReceiver.start("hanging");
    t.after(() => receiver.close());
    const endpoint = collector === "dead" ? await deadEndpoint() : receiver.endpoint;
    const telemetry = await telemetryTo(endpoint, {
      OTEL_BSP_MAX_QUEUE_SIZE: "100",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "50",
      OTEL_EXPORTER_OTLP_TIMEOUT: "2500",
    });
    const sampled = { ...exchangeFacts().trace, sampled: true };
    for (let i = 0; i < 1_000; i++) telemetry.recorder.end(exchangeFacts({ trace: sampled }));
    const sheet = new StatSheet();
    telemetry.writeStats(sheet);
    const queued = Number(/dashpot.spans_queued: (\d+)/.exec(sheet.text())?.[1]);
    const dropped = Number(/dashpot.spans_dropped: (\d+)/.exec(sheet.text())?.[1]);
    assert.ok(queued <= 100, `${queued} spans wait`);
    assert.ok(dropped >= 1_800, `${dropped} spans were dropped and counted`);
    const started = performance.now();
    await telemetry.shutdown();
    assert.ok(performance.now() - started < 3_000);
  });
}

test("a collector that refuses spans is counted and told of once", async (t) => {
  const receiver = await OtlpReceiver.start("refusing");
  t.after(() => receiver.close());
  const lines: string[] = [];
  const telemetry = await createTelemetry({
    clock: new FakeClock(),
    logger: pino({ level: "warn" }, { write: (line: string) => lines.push(line) }),
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2" },
    version: "0.1.0",
    nodeId: "sidecar-1",
    serviceName: "storefront",
    sampleRatio: 1,
    accessLog: "off",
    ringSize: 100,
    slowMs: 1_000,
    longestText: 1_024,
  });
  const trace = telemetry.recorder.begin(undefined, undefined, undefined);
  for (let i = 0; i < 5; i++) telemetry.recorder.end(exchangeFacts({ trace }));
  await telemetry.shutdown();
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /spans are lost on their way to the collector/);
});

test("headers of the environment go out with the spans and are shown nowhere", async (t) => {
  const receiver = await OtlpReceiver.start();
  t.after(() => receiver.close());
  const telemetry = await telemetryTo(receiver.endpoint, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20s3cret",
  });
  const trace = telemetry.recorder.begin(PARENT, undefined, undefined);
  telemetry.recorder.end(exchangeFacts({ trace }));
  await receiver.received(2);
  assert.deepEqual(receiver.requestsSeen[0], { path: "/v1/traces", authorization: "Bearer s3cret" });
  assert.doesNotMatch(JSON.stringify(telemetry.effective), /s3cret/);
  await telemetry.shutdown();
});
