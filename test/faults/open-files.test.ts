import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { call } from "../support/http-call.ts";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";
import { MeasuredSidecar } from "./measured-sidecar.ts";

test("out of file descriptors, the admin still answers, no endpoint is blamed, and it passes with the load", async (t) => {
  const LIMIT = 160;
  let answering = false;
  const start = () =>
    ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        if (answering) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
      }
    });
  const backends = await Promise.all([start(), start()]);
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const sidecar = await MeasuredSidecar.start(t, { endpoints: backends.map(({ port }) => port) }, LIMIT);
  const callers: RawConnection[] = [];
  let turnedAway = 0;
  t.after(() => {
    for (const { socket } of callers) socket.destroy();
  });
  // Each asks for two descriptors, its own and one to an endpoint, and holds them for want of an answer.
  for (let i = 0; i < LIMIT; i++) {
    try {
      const caller = await RawConnection.open(sidecar.listener);
      callers.push(caller);
      caller.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
    } catch {
      turnedAway++;
    }
  }
  const lost = () => turnedAway + callers.filter((caller) => caller.ended || caller.text !== "").length;
  const reached = () => backends.reduce((sum, { connections }) => sum + connections.size, 0);
  await sidecar.until(
    ({ counts }) => lost() + reached() + counts.waitingConnections >= LIMIT,
    "every caller is served, waits, is answered or turned away",
  );

  const admin = await call({ port: sidecar.admin, host: "127.0.0.1", path: "/ready" });
  assert.equal(admin.status, 200);
  const full = await sidecar.measure();
  t.diagnostic(`${reached()} of ${LIMIT} reached an endpoint, ${lost()} were answered 503 or turned away`);
  assert.ok(full.counts.waitingConnections > 0, "some wait");
  const blamed = full.clusters.flatMap(({ balancer }) => balancer.endpoints.map(({ failures }) => failures));
  assert.deepEqual(blamed, [0, 0]);
  assert.ok(reached() > LIMIT / 8, "a good part was served");
  for (const { text } of callers) assert.match(text, /^$|^HTTP\/1\.1 503 /);

  for (const { socket } of callers) socket.destroy();
  await sidecar.until(({ counts }) => counts.exchanges + counts.downstreamConnections === 0, "the load goes");
  answering = true;
  assert.equal((await call({ port: sidecar.listener })).status, 200);
});

test("a request that needs one connection more than there are descriptors for gets 503, and is nobody's fault", async (t) => {
  const backend = await ScriptedBackend.start(() => {});
  t.after(() => backend.close());
  const clusters = [cluster("orders", [backend.port])];
  const bed = await ProxyBed.start({ clusters, limits: { maxUpstreamConnections: 1 } });
  t.after(() => bed.close());
  const holding = await bed.connect();
  holding.send(GET);
  await eventually(() => backend.connections.size === 1, "the first holds the connection");
  assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 [\s\S]*too few file descriptors/);
  assert.equal(bed.recorder.exchanges[0]?.error, "local_resources_exhausted");
  assert.equal(bed.proxy.clusters()[0]?.balancer.endpoints[0]?.failures, 0);
  holding.socket.destroy();
  await eventually(() => bed.proxy.counts().upstreamConnections === 0, "it is given back");
});
