import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import type { ProxyLimits } from "../../sidecar/proxy/index.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import { type RawConnection, ScriptedBackend } from "../support/raw-http.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

/** A proxy that serves two connections, before a backend that answers when `answer` is called. */
async function start(t: TestContext, limits: Partial<ProxyLimits> = {}) {
  const asked: RawConnection[] = [];
  const backend = await ScriptedBackend.start(async (connection) => {
    for (;;) {
      await connection.takeMessage();
      asked.push(connection);
    }
  });
  t.after(() => backend.close());
  const clock = new FakeClock();
  const bed = await ProxyBed.start({
    clusters: [cluster("orders", [backend.port])],
    clock,
    limits: { maxDownstreamConnections: 2, maxWaitingConnections: 2, ...limits },
  });
  t.after(() => bed.close());
  const callers: RawConnection[] = [];
  t.after(() => {
    for (const { socket } of callers) socket.destroy();
  });
  return {
    bed,
    clock,
    asked,
    answer: () => asked.shift()?.send(OK),
    call: async (request = GET) => {
      const caller = await bed.connect();
      callers.push(caller);
      caller.send(request);
      return caller;
    },
    /** A call that is reset, maybe before it knows that it was connected. */
    turnedAway: async () => {
      const caller = await bed.connect().catch(() => undefined);
      if (caller) assert.equal(await caller.untilEnded(), "");
      assert.ok(caller === undefined || caller.wasReset);
    },
    until: (served: number, waiting: number, refused = 0) =>
      eventually(() => {
        const { downstreamConnections, waitingConnections, refusedConnections } = bed.proxy.counts();
        return (
          downstreamConnections === served && waitingConnections === waiting && refusedConnections === refused
        );
      }, `${served} are served, ${waiting} wait, ${refused} were turned away`),
  };
}

suite("callers beyond the bound on connections", () => {
  test("wait, and are served in their order as others leave", async (t) => {
    const { call, until, answer, asked } = await start(t);
    const [first] = [await call(), await call()];
    await until(2, 0);
    const third = await call();
    await until(2, 1);
    const fourth = await call();
    await until(2, 2);
    await eventually(() => asked.length === 2, "only those within the bound are read");
    first?.socket.resetAndDestroy();
    await until(2, 1);
    await eventually(() => asked.length === 3, "the third is read");
    answer();
    answer();
    answer();
    assert.match(await third.takeMessage(), /good$/);
    assert.equal(fourth.text, "");
    third.socket.destroy();
    await eventually(() => asked.length === 1, "the fourth is read");
    answer();
    assert.match(await fourth.takeMessage(), /good$/);
    await until(2, 0);
  });

  test("take the place of connections that rest", async (t) => {
    const { bed, call, until, answer, asked, clock } = await start(t);
    const resting = await call();
    await eventually(() => asked.length === 1, "it asks");
    answer();
    await resting.takeMessage();
    const busy = await call();
    await until(2, 0);
    await eventually(() => asked.length === 1, "it asks");
    const waiting = await call();
    await until(2, 1);
    clock.advance(900);
    assert.equal(resting.ended, false, "one that rests for less may be about to ask");
    clock.advance(200);
    assert.equal(await resting.untilEnded(), "");
    await eventually(() => asked.length === 2, "the waiting one is read");
    answer();
    answer();
    assert.match(await waiting.takeMessage(), /good$/);
    assert.match(await busy.takeMessage(), /good$/);
    assert.equal(bed.proxy.counts().reclaimedConnections, 1);
  });

  test("are turned away when too many wait, and when none may", async (t) => {
    for (const [maxWaitingConnections, served] of [
      [1, 3],
      [0, 2],
    ] as const) {
      const { call, turnedAway, until } = await start(t, { maxWaitingConnections });
      await Promise.all(Array.from({ length: served }, () => call()));
      await until(2, served - 2);
      await turnedAway();
      await until(2, served - 2, 1);
    }
  });

  test("who leave are forgotten", async (t) => {
    const { call, until } = await start(t);
    await call();
    await call();
    const impatient = await call();
    await until(2, 1);
    impatient.socket.resetAndDestroy();
    await until(2, 0);
  });

  test("are told of once when the bound is met, and once when it is over", async (t) => {
    const { bed, call, turnedAway, until } = await start(t);
    const callers = [await call(), await call()];
    await until(2, 0);
    callers.push(await call(), await call());
    await until(2, 2);
    await turnedAway();
    await turnedAway();
    await until(2, 2, 2);
    for (const { socket } of callers) socket.resetAndDestroy();
    await until(0, 0, 2);
    assert.deepEqual(bed.logged, [
      "the bound on connections from callers is met: further ones wait",
      "there is room for connections from callers again",
    ]);
  });

  test("are let go when the proxy ends", async (t) => {
    const { bed, call, until } = await start(t);
    await call();
    await call();
    const waiting = await call();
    await until(2, 1);
    bed.proxy.close();
    assert.equal(await waiting.untilEnded(), "");
  });
});
