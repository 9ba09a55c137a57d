import assert from "node:assert/strict";
import test from "node:test";
import { call } from "../support/http-call.ts";
import { backend, control, layMesh, ready, sidecar } from "../support/mesh-bed.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER_SPAN = "00f067aa0ba902b7";

test("a collector gets the request's span and the attempt's below it, with the evidence and one sentence", async (t) => {
  const seen: string[] = [];
  const { port } = await backend(t, "a", (request, response) => {
    const { traceparent } = request.headers;
    seen.push(String(traceparent));
    response.end("a");
  });
  const collector = await OtlpReceiver.start();
  t.after(() => collector.close());
  const mesh = await layMesh(t, [port]);
  await control(t, mesh);
  const running = await sidecar(t, mesh, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_SERVICE_NAME: "web",
    OTEL_BSP_SCHEDULE_DELAY: "50",
  });
  await ready(running);

  const answer = await call({
    port: mesh.listener,
    headers: { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01`, tracestate: "vendor=7" },
  });
  assert.equal(answer.body, "a");
  await collector.received(2);

  const request = collector.spans.find((span) => span.kind === 2);
  const attempt = collector.spans.find((span) => span.kind === 3);
  assert.ok(request && attempt);
  assert.equal(request.traceId, TRACE_ID);
  assert.equal(request.parentSpanId, CALLER_SPAN);
  assert.equal(attempt.parentSpanId, request.spanId);
  assert.equal(seen[0], `00-${TRACE_ID}-${attempt.spanId}-01`);
  assert.equal(request.resource["service.name"], "web");
  assert.equal(request.attributes["dashpot.cluster"], "orders");
  assert.equal(attempt.attributes["network.peer.address"], "127.0.0.1");
  assert.equal(attempt.attributes["dashpot.lb.policy"], "adaptive");
  assert.match(
    String(attempt.attributes["dashpot.lb.explain"]),
    new RegExp(`^chose 127\\.0\\.0\\.1:${port} .*the only one`),
  );
});

test("a failed request is exported even though its caller asked for no trace", async (t) => {
  const { port } = await backend(t, "a", (_request, response) => response.writeHead(500).end());
  const collector = await OtlpReceiver.start();
  t.after(() => collector.close());
  const mesh = await layMesh(t, [port]);
  await control(t, mesh);
  await ready(
    await sidecar(t, mesh, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    }),
  );

  const answer = await call({
    port: mesh.listener,
    headers: { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-00` },
  });
  assert.equal(answer.status, 500);
  await collector.received(2);
  assert.equal(collector.spans[0]?.attributes["dashpot.sampled_by"], "error");
});
