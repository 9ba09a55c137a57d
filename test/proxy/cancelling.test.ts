import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import { type RawConnection, ScriptedBackend } from "../support/raw-http.ts";

suite("cancelling", () => {
  test("a caller that leaves while it waits takes its request away from the upstream", async (t) => {
    let upstream: RawConnection | undefined;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      upstream = connection;
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => upstream !== undefined, "the request reaches the backend");
    connection.socket.destroy();
    await upstream?.untilEnded();
    assert.equal(bed.recorder.exchanges[0]?.error, "downstream_disconnect");
    assert.equal(bed.recorder.exchanges[0]?.attempts[0]?.outcome, "cancelled");
    assert.equal(bed.proxy.counts().exchanges, 0);
  });

  test("a caller that leaves within a response stops the upstream at once", async (t) => {
    let upstream: RawConnection | undefined;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin");
      upstream = connection;
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    await connection.takeUntil("begin");
    connection.socket.destroy();
    await upstream?.untilEnded();
    assert.equal(bed.recorder.exchanges[0]?.attempts[0]?.outcome, "cancelled");
  });

  const LATE = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";
  for (const [what, version, answer, received] of [
    ["its answer", "1.1", LATE, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nlate$/],
    ["its answer in HTTP/1.0", "1.0", LATE, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nlate$/],
    [
      "an interim response and its answer",
      "1.1",
      `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${LATE}`,
      /^HTTP\/1\.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nlate$/,
    ],
    ["502 for an answer that is none", "1.1", "nonsense", /^HTTP\/1\.1 502 [\s\S]*malformed_response/],
  ] as const) {
    test(`a caller that only closed its sending half gets ${what}, and no response of ours before it`, async (t) => {
      const asked = Promise.withResolvers<void>();
      const backend = await ScriptedBackend.start(async (connection) => {
        await connection.takeMessage();
        await asked.promise;
        connection.send(answer);
      });
      t.after(() => backend.close());
      const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
      t.after(() => bed.close());
      const connection = await bed.connect();
      connection.send(`GET / HTTP/${version}\r\nHost: orders\r\n\r\n`);
      connection.socket.end();
      // What every response begins with: the proxy asks whether the caller still listens.
      await eventually(() => connection.text !== "", "the proxy asks");
      assert.ok("HTTP/1.1 ".startsWith(connection.text));
      asked.resolve();
      assert.match(await connection.untilEnded(), received);
    });
  }

  for (const [what, requests] of [
    ["a while later", GET],
    ["with pipelined requests unanswered", `${GET}${GET}`],
    ["within a pipelined request", `${GET}GET / HT`],
  ] as const) {
    test(`a caller that closes its sending half and leaves ${what} is noticed`, async (t) => {
      const backend = await ScriptedBackend.start(
        async (connection) => void (await connection.takeMessage()),
      );
      t.after(() => backend.close());
      const clock = new FakeClock();
      const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])], clock });
      t.after(() => bed.close());
      const connection = await bed.connect();
      connection.send(requests);
      connection.socket.end();
      await eventually(() => backend.accepted === 1, "the request reaches the backend");
      // While it listens it is asked more than once, and nothing is taken from it.
      await eventually(() => {
        clock.advance(200);
        return connection.text.length >= 3;
      }, "the proxy asks");
      assert.equal(bed.proxy.counts().exchanges, 1);
      assert.ok("HTTP/1.1 ".startsWith(connection.text));
      connection.socket.destroy();
      await eventually(() => {
        clock.advance(200);
        return bed.proxy.counts().exchanges === 0;
      }, "the proxy notices");
      assert.ok(clock.now() < 14_000, `by asking and not by the route's timeout: after ${clock.now()} ms`);
      assert.equal(bed.recorder.exchanges[0]?.error, "downstream_disconnect");
      assert.equal(bed.proxy.counts().downstreamConnections, 0);
    });
  }

  test("an upstream that breaks off within its response is never made to look whole", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      const target = /^GET (\S+)/.exec(await connection.takeMessage())?.[1];
      if (target === "/length") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
      else connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
      connection.socket.end();
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    for (const target of ["/length", "/chunked"]) {
      const connection = await bed.connect();
      connection.send(`GET ${target} HTTP/1.1\r\nHost: orders\r\n\r\n`);
      const answer = await connection.untilEnded();
      assert.match(answer, /part/);
      assert.doesNotMatch(answer, /0\r\n\r\n$/);
    }
    const old = await bed.connect();
    old.send("GET /chunked HTTP/1.0\r\nHost: orders\r\n\r\n");
    await old.untilEnded();
    assert.ok(old.wasReset, "only a reset tells a truncated body from one that ends with the connection");
    assert.equal(bed.recorder.exchanges[0]?.attempts[0]?.outcome, "reset");
  });

  test("aborts at random moments from either side leave nothing behind", async (t) => {
    const seed = 7;
    const random = seededRandom(seed);
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        const fate = random();
        if (fate < 0.15) connection.socket.resetAndDestroy();
        else if (fate < 0.3) {
          connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
          connection.socket.end();
        } else if (fate < 0.4) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        else connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const one = async (): Promise<void> => {
      const connection = await bed.connect();
      connection.send(
        random() < 0.5
          ? GET
          : "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 8\r\n\r\n12345678".slice(
              0,
              40 + random() * 30,
            ),
      );
      for (let turns = random() * 6; turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
      connection.socket.destroy();
    };
    for (let round = 0; round < 40; round++) await Promise.all(Array.from({ length: 25 }, one));
    await eventually(() => {
      const counts = bed.proxy.counts();
      return counts.exchanges + counts.attempts + counts.downstreamConnections === 0;
    }, `seed ${seed}: everything ends`);
    const counts = bed.proxy.counts();
    assert.equal(counts.replayBytes, 0);
    assert.equal(counts.bufferedBytes, 0);
    assert.equal(counts.upstreamConnections, counts.idleUpstreamConnections);
    assert.equal(counts.timers, counts.idleUpstreamConnections);
    assert.equal(bed.proxy.clusters()[0]?.requests.active, 0);
    assert.equal(bed.proxy.clusters()[0]?.requests.pending, 0);
    assert.ok(bed.proxy.clusters()[0]?.balancer.endpoints.every(({ inFlight }) => inFlight === 0));
  });
});
