import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { tcpFilterModel } from "../support/model.ts";
import { cluster, forward, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { type RawConnection, ScriptedBackend } from "../support/raw-http.ts";

const WEBSOCKET = "GET /chat HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const upgrades = new Set(["websocket", "connect"]);

suite("tunnelling", () => {
  test("bytes behind an upgrade request reach the upstream only after it has switched", async (t) => {
    const events: string[] = [];
    const hinted = Promise.withResolvers<void>();
    const backend = await ScriptedBackend.start(async (connection) => {
      events.push(await connection.takeUntil("\r\n\r\n"));
      // A whole turn to the caller and back: what went on early would be here before.
      connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
      await hinted.promise;
      events.push(connection.text);
      connection.send(`${SWITCH}welcome`);
      events.push(await connection.takeUntil("early"));
      connection.send("echo");
      connection.socket.end();
      events.push(await connection.untilEnded());
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      filter: { upgrades },
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(`${WEBSOCKET}early`);
    assert.match(await connection.takeUntil("\r\n\r\n"), /^HTTP\/1\.1 103 /);
    hinted.resolve();
    assert.match(await connection.takeUntil("\r\n\r\n"), /^HTTP\/1\.1 101 [\s\S]*Upgrade: websocket\r\n/);
    assert.equal(await connection.untilEnded(), "welcomeecho");
    assert.match(events[0] ?? "", /Connection: Upgrade\r\n/i);
    assert.deepEqual(events.slice(1, 3), ["", "early"]);
    // The caller's own direction is still open.
    assert.equal(bed.proxy.counts().tunnels, 1);
    connection.socket.end("late");
    await eventually(() => bed.proxy.counts().tunnels === 0, "the tunnel ends");
    await eventually(() => events.length === 4, "the upstream hears of it");
    assert.equal(events[3], "late");
    assert.equal(bed.recorder.exchanges[0]?.status, 101);
    assert.equal(bed.proxy.counts().upstreamConnections, 0);
  });

  test("a caller that resets its tunnel is seen to have broken off, and not to have ended", async (t) => {
    const taken = Promise.withResolvers<RawConnection>();
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeUntil("\r\n\r\n");
      connection.send(SWITCH);
      taken.resolve(connection);
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])], filter: { upgrades } });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(WEBSOCKET);
    await connection.takeUntil("\r\n\r\n");
    connection.socket.resetAndDestroy();
    const upstream = await taken.promise;
    await upstream.untilClosed();
    assert.ok(upstream.wasReset);
    assert.equal(bed.proxy.counts().tunnels, 0);
  });

  test("tunnels, and responses that only the connection's end would frame, are reset when the proxy ends", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      const upgrade = /^Upgrade:/m.test(await connection.takeUntil("\r\n\r\n"));
      connection.send(
        upgrade ? SWITCH : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
      );
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])], filter: { upgrades } });
    const [tunnel, old, modern] = [await bed.connect(), await bed.connect(), await bed.connect()];
    tunnel.send(WEBSOCKET);
    old.send("GET / HTTP/1.0\r\nHost: orders\r\n\r\n");
    modern.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
    await tunnel.takeUntil("\r\n\r\n");
    await old.takeUntil("part");
    await modern.takeUntil("part\r\n");
    await bed.close();
    await Promise.all([tunnel.untilClosed(), old.untilClosed(), modern.untilEnded()]);
    modern.socket.destroy();
    // Chunks without the last one show by themselves that they are not all.
    assert.deepEqual([tunnel.wasReset, old.wasReset, modern.wasReset], [true, true, false]);
    const counts = bed.proxy.counts();
    assert.deepEqual(
      [counts.exchanges, counts.tunnels, counts.downstreamConnections, counts.attempts],
      [0, 0, 0, 0],
    );
  });

  test("an upgrade that the upstream refuses is an answer, and its connection is never pooled", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeUntil("\r\n\r\n");
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      filter: { upgrades },
    });
    t.after(() => bed.close());
    assert.match(await bed.ask(WEBSOCKET), /^HTTP\/1\.1 200 [\s\S]*no$/);
    assert.equal(bed.proxy.counts().upstreamConnections, 0);
  });

  test("an upgrade that is not configured is refused, and a switch that nobody asked for is 502", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeUntil("\r\n\r\n");
      connection.send(SWITCH);
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    assert.match(await bed.ask(WEBSOCKET), /^HTTP\/1\.1 403 /);
    assert.equal(backend.accepted, 0);
    assert.match(await bed.ask("GET / HTTP/1.1\r\nHost: orders\r\n\r\n"), /^HTTP\/1\.1 502 /);
  });

  test("CONNECT leads to a configured cluster and nowhere else", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      connection.send(`you said ${await connection.takeUntil("\n")}`);
      await connection.untilEnded();
      connection.send("bye");
      connection.socket.end();
    });
    t.after(() => backend.close());
    const table = routeTable(
      virtualHost(
        "orders",
        route(forward("orders"), {
          match: { path: { kind: "connect" }, headers: [], query: [], grpcOnly: false, fraction: undefined },
        }),
      ),
    );
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      table,
      filter: { upgrades },
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send("CONNECT orders:443 HTTP/1.1\r\nHost: orders:443\r\n\r\nhello\n");
    assert.match(await connection.takeUntil("\r\n\r\n"), /^HTTP\/1\.1 200 /);
    assert.equal(await connection.takeUntil("\n"), "you said hello\n");
    connection.socket.end();
    assert.equal(await connection.untilEnded(), "bye");
    await eventually(() => bed.proxy.counts().tunnels === 0, "the tunnel ends");
    assert.match(
      await bed.ask("CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n"),
      /^HTTP\/1\.1 404 [\s\S]*NR/,
    );
  });

  test("a tcp_proxy listener passes bytes both ways, each way ending by itself", async (t) => {
    const dead = await ScriptedBackend.deadPort();
    const backend = await ScriptedBackend.start(async (connection) => {
      connection.send("220 ready\n");
      const all = await connection.untilEnded();
      connection.send(`got ${all}`);
      connection.socket.end();
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("mail", [dead, backend.port])],
      listener: { filter: tcpFilterModel("mail", { maxConnectAttempts: 2 }) },
    });
    t.after(() => bed.close());
    for (let i = 0; i < 3; i++) {
      const connection = await bed.connect();
      assert.equal(await connection.takeUntil("\n"), "220 ready\n");
      connection.send("HELO");
      connection.socket.end();
      assert.equal(await connection.untilEnded(), "got HELO");
    }
    await eventually(() => bed.proxy.counts().downstreamConnections === 0, "the relays end");
    const counts = bed.proxy.counts();
    assert.deepEqual(
      [counts.tunnels, counts.attempts, counts.upstreamConnections, counts.timers],
      [0, 0, 0, 0],
    );
  });

  test("a tcp_proxy connection whose endpoints are all dead is reset", async (t) => {
    const bed = await ProxyBed.start({
      clusters: [cluster("mail", [await ScriptedBackend.deadPort()])],
      listener: { filter: tcpFilterModel("mail", { idleTimeoutMs: 0 }) },
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    await connection.untilClosed();
    assert.ok(connection.wasReset);
    assert.equal(bed.proxy.counts().attempts, 0);
  });

  test("who ended its half while it waited for a place is heard all the same", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      connection.send(`got ${JSON.stringify(await connection.untilEnded())}`);
      connection.socket.end();
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("mail", [backend.port])],
      limits: { maxDownstreamConnections: 1 },
      listener: { filter: tcpFilterModel("mail") },
    });
    t.after(() => bed.close());
    const first = await bed.connect();
    await eventually(() => backend.accepted === 1, "the first is served");
    const second = await bed.connect();
    await eventually(() => bed.proxy.counts().waitingConnections === 1, "the second waits");
    second.socket.end();
    first.socket.end("done");
    assert.equal(await first.untilEnded(), 'got "done"');
    assert.equal(await second.untilEnded(), 'got ""');
  });
});
