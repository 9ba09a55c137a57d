import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";
import { MeasuredSidecar } from "./measured-sidecar.ts";

test("a stall of the sidecar itself ejects nobody and fails no request whose answer has come", async (t) => {
  const REQUESTS = 40;
  const waiting: RawConnection[] = [];
  const start = () =>
    ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        waiting.push(connection);
      }
    });
  const backends = await Promise.all([start(), start(), start()]);
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const sidecar = await MeasuredSidecar.start(t, {
    endpoints: backends.map(({ port }) => port),
    // Long enough for a slow machine to bring all requests to the backends before the stall.
    routeTimeout: "2s",
    retryPolicy: '{ retry_on: "5xx,reset", num_retries: 1, per_try_timeout: 1.5s }',
  });
  const callers = await Promise.all(
    Array.from({ length: REQUESTS }, () => RawConnection.open(sidecar.listener)),
  );
  t.after(() => {
    for (const { socket } of callers) socket.destroy();
  });
  for (const caller of callers) caller.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
  await eventually(() => waiting.length === REQUESTS, "the backends have every request");
  const { after } = await sidecar.stall(2_500);
  for (const connection of waiting) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
  const { clusters } = await after;
  const answers = await Promise.all(callers.map((caller) => caller.takeMessage()));
  const states = clusters.flatMap(({ balancer }) =>
    balancer.endpoints.map(({ state, failures }) => [state, failures]),
  );
  assert.deepEqual(states, Array(3).fill(["healthy", 0]));
  assert.deepEqual(
    answers.filter((answer) => !answer.startsWith("HTTP/1.1 200 ")),
    [],
  );
  assert.equal(waiting.length, REQUESTS, "nothing was sent twice");
});
