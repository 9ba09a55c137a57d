import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import type { BedOptions } from "../support/proxy-bed.ts";
import { cluster, forward, GET, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";
import { RETRY } from "../support/retry-policy.ts";

/** A proxy under a clock that only the test moves, before a backend that takes requests and says nothing. */
async function silentBed(
  t: { after(fn: () => unknown): void },
  options: Partial<BedOptions> = {},
  answer = "",
): Promise<{ bed: ProxyBed; clock: FakeClock; clusters: BedOptions["clusters"]; taken: () => number }> {
  let taken = 0;
  const backend = await ScriptedBackend.start(async (connection) => {
    for (;;) {
      await connection.takeUntil("\r\n\r\n");
      taken++;
      connection.send(answer);
    }
  });
  const clock = new FakeClock();
  const clusters = [cluster("orders", [backend.port])];
  const bed = await ProxyBed.start({ clusters, clock, ...options });
  t.after(() => Promise.all([bed.close(), backend.close()]));
  return { bed, clock, clusters, taken: () => taken };
}

suite("timing out", () => {
  test("a route's timeout answers 504 UT and takes the request away from the upstream", async (t) => {
    const { bed, clock, taken } = await silentBed(t);
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => taken() === 1, "the request arrives");
    clock.advance(14_999);
    assert.equal(connection.text, "");
    clock.advance(60);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 504 [\s\S]*x-envoy-response-flags: UT\r\n/);
    assert.equal(bed.recorder.exchanges[0]?.attempts[0]?.outcome, "timeout");
    assert.equal(bed.proxy.counts().upstreamConnections, 0);
    connection.socket.destroy();
  });

  test("a route's timeout runs from the end of the request", async (t) => {
    const { bed, clock, taken } = await silentBed(t);
    const connection = await bed.connect();
    connection.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbo");
    await eventually(() => taken() === 1, "the head arrives");
    clock.advance(60_000);
    connection.send("dy");
    await eventually(
      () => bed.proxy.counts().bufferedBytes === 0 && connection.text === "",
      "the rest is sent",
    );
    await eventually(() => {
      clock.advance(1_000);
      return connection.text !== "";
    }, "the timeout");
    assert.match(connection.text, /^HTTP\/1\.1 504 /);
    connection.socket.destroy();
  });

  test("a try that takes too long is repeated where the policy says so", async (t) => {
    const table = routeTable(
      virtualHost(
        "orders",
        route(forward("orders", { retryPolicy: { ...RETRY, perTryTimeoutMs: 500, numRetries: 1 } })),
      ),
    );
    const { bed, clock, taken } = await silentBed(t, { table });
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => taken() === 1, "the first try arrives");
    clock.advance(600);
    clock.advance(10);
    await eventually(() => taken() === 2, "the second try arrives");
    clock.advance(600);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 504 /);
    assert.deepEqual(
      bed.recorder.exchanges[0]?.attempts.map(({ error }) => error),
      ["per_try_timeout", "per_try_timeout"],
    );
    connection.socket.destroy();
  });

  test("a try whose bytes stop is broken off sooner than the stream, and repeated before its response", async (t) => {
    const policy = { ...RETRY, on: new Set(["reset"] as const), perTryIdleTimeoutMs: 500, numRetries: 1 };
    const table = routeTable(virtualHost("orders", route(forward("orders", { retryPolicy: policy }))));
    const { bed, clock, taken } = await silentBed(t, { table });
    const connection = await bed.connect();
    connection.send(GET);
    for (const tries of [1, 2]) {
      await eventually(() => taken() === tries, "the try arrives");
      clock.advance(610);
    }
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 504 /);
    connection.socket.destroy();
  });

  test("the timeout of a try that has failed does not end the pause before the next", async (t) => {
    let taken = 0;
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeUntil("\r\n\r\n");
        const status = taken++ === 0 ? 500 : 200;
        connection.send(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`);
      }
    });
    const policy = { ...RETRY, perTryTimeoutMs: 200, backoffBaseMs: 10_000, backoffMaxMs: 10_000 };
    const table = routeTable(virtualHost("orders", route(forward("orders", { retryPolicy: policy }))));
    const clock = new FakeClock();
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])], table, clock });
    t.after(() => Promise.all([bed.close(), backend.close()]));
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => bed.proxy.counts().attempts === 0 && taken === 1, "the first try fails");
    clock.advance(500);
    assert.equal(bed.proxy.counts().attempts, 0);
    while (bed.proxy.counts().attempts === 0) clock.advance(50);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /);
    assert.equal(taken, 2);
    connection.socket.destroy();
  });

  test("the caller's grpc-timeout is the request's, as far as the route allows", async (t) => {
    const table = (grpcTimeoutMaxMs: number | undefined): ReturnType<typeof routeTable> =>
      routeTable(virtualHost("orders", route(forward("orders", { grpcTimeoutMaxMs }))));
    const { bed, clock, clusters, taken } = await silentBed(t);
    const ask = "POST / HTTP/1.1\r\nHost: orders\r\nContent-Type: application/grpc\r\n";
    let asked = 0;
    for (const [max, timeout, dueMs] of [
      [undefined, "100m", 15_000],
      [0, "100m", 100],
      [50, "100m", 50],
      [0, "never", 15_000],
    ] as const) {
      await bed.apply({ clusters, table: table(max) });
      const connection = await bed.connect();
      connection.send(`${ask}grpc-timeout: ${timeout}\r\nContent-Length: 0\r\n\r\n`);
      asked++;
      await eventually(() => taken() === asked, "the request arrives");
      clock.advance(dueMs - 1);
      assert.equal(connection.text, "", timeout);
      clock.advance(70);
      assert.match(await connection.takeMessage(), /grpc-status: 4\r\n/);
      connection.socket.destroy();
    }
  });

  test("a response that stands still is broken off, not made whole", async (t) => {
    const { bed, clock, taken } = await silentBed(
      t,
      { table: routeTable(virtualHost("orders", route(forward("orders", { timeoutMs: 0 })))) },
      "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
    );
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => taken() === 1, "the request arrives");
    await connection.takeUntil("part");
    clock.advance(299_000);
    assert.equal(connection.ended, false);
    clock.advance(2_000);
    assert.equal(await connection.untilEnded(), "");
    assert.equal(bed.recorder.exchanges[0]?.error, "stream_idle_timeout");
  });

  test("a head that does not come to its end is answered 408, an idle connection is closed", async (t) => {
    const { bed, clock } = await silentBed(t);
    const slow = await bed.connect();
    slow.send("GET / HTTP/1.1\r\nHos");
    await eventually(() => bed.proxy.counts().timers === 1, "the connection is known");
    await eventually(() => {
      clock.advance(1_000);
      return slow.text !== "";
    }, "the head times out");
    assert.match(slow.text, /^HTTP\/1\.1 408 [\s\S]*Connection: close\r\n/);
    slow.socket.destroy();
    const idle = await bed.connect();
    await eventually(() => bed.proxy.counts().downstreamConnections >= 1, "the connection is known");
    clock.advance(3_600_100);
    assert.equal(await idle.untilEnded(), "");
  });

  test("old connections of either side close after a response, each a little before the limit", async (t) => {
    const { bed, clock, clusters, taken } = await silentBed(
      t,
      {},
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    );
    const old = clusters.map((one) => ({
      ...one,
      cluster: { ...one.cluster, value: { ...one.cluster.value, maxConnectionDurationMs: 10_000 } },
    }));
    await bed.apply({ clusters: old, filter: { maxConnectionDurationMs: 100_000 } });
    const connection = await bed.connect();
    const ask = async (): Promise<string> => {
      connection.send(GET);
      return connection.takeMessage();
    };
    assert.doesNotMatch(await ask(), /Connection: close/);
    clock.advance(8_900);
    await ask();
    assert.equal(bed.proxy.clusters()[0]?.connections.total, 1);
    clock.advance(1_100);
    await ask();
    await ask();
    assert.equal(bed.proxy.clusters()[0]?.connections.total, 2, "the old one was not used again");
    clock.advance(79_900);
    assert.doesNotMatch(await ask(), /Connection: close/);
    clock.advance(10_100);
    assert.match(await ask(), /Connection: close/);
    assert.equal(await connection.untilEnded(), "");
    assert.equal(taken(), 6);
  });

  test("an idle pooled connection is closed after the cluster's idle timeout", async (t) => {
    const { bed, clock } = await silentBed(t, {}, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const connection = await bed.connect();
    connection.send(GET);
    await connection.takeMessage();
    assert.equal(bed.proxy.counts().idleUpstreamConnections, 1);
    clock.advance(3_600_100);
    assert.equal(bed.proxy.counts().upstreamConnections, 0);
    connection.socket.destroy();
  });
});
