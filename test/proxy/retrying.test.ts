import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import type { RetryPolicy } from "../../xds/model/route-table.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { cluster, forward, GET, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";
import { RETRY } from "../support/retry-policy.ts";

function retryingTable(policy: Partial<RetryPolicy>): ReturnType<typeof routeTable> {
  return routeTable(
    virtualHost("orders", route(forward("orders", { retryPolicy: { ...RETRY, ...policy } }))),
  );
}

/** Answers with the statuses in turn, then with 200; tells the bodies it saw. */
async function failing(statuses: readonly number[], bodies: string[] = []): Promise<ScriptedBackend> {
  let next = 0;
  return ScriptedBackend.start(async (connection) => {
    for (;;) {
      const request = await connection.takeMessage();
      bodies.push(request.slice(request.indexOf("\r\n\r\n") + 4));
      connection.send(`HTTP/1.1 ${statuses[next++] ?? 200} X\r\nContent-Length: 2\r\n\r\nok`);
    }
  });
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

suite("retrying", () => {
  test("a request of which nothing was sent goes to another endpoint, whatever its method", async (t) => {
    const backend = await ScriptedBackend.answering("alive");
    t.after(() => backend.close());
    const dead = await ScriptedBackend.deadPort();
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [dead, backend.port])] });
    t.after(() => bed.close());
    for (let i = 0; i < 6; i++) {
      const answer = await bed.ask("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody");
      assert.match(answer, /alive$/);
    }
    const tried = bed.recorder.exchanges.flatMap(({ attempts }) => attempts);
    assert.ok(tried.some(({ error }) => error === "connect_failure"));
    assert.match(tried.find(({ error }) => error !== "")?.decision ?? "", /nothing was sent/);
  });

  test("when no endpoint can be reached the caller gets 503 UF, once each was tried", async (t) => {
    const ports = [await ScriptedBackend.deadPort(), await ScriptedBackend.deadPort()];
    const bed = await ProxyBed.start({ clusters: [cluster("orders", ports)] });
    t.after(() => bed.close());
    const answer = await bed.ask(GET);
    assert.match(answer, /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: UF\r\n/);
    assert.equal(bed.recorder.exchanges[0]?.attempts.length, 2);
  });

  test("without free retries the first endpoint that cannot be reached is the answer", async (t) => {
    const ports = [await ScriptedBackend.deadPort(), await ScriptedBackend.deadPort()];
    const bed = await ProxyBed.start({ clusters: [cluster("orders", ports)], limits: { freeRetries: 0 } });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 /);
    assert.equal(bed.recorder.exchanges[0]?.attempts.length, 1);
  });

  test("the only endpoint is tried again where it takes no connection, if the policy says so", async (t) => {
    const dead = await ScriptedBackend.deadPort();
    const policy = { ...RETRY, on: new Set(["connect-failure"] as const), numRetries: 2 };
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [dead])],
      table: routeTable(virtualHost("orders", route(forward("orders", { retryPolicy: policy })))),
    });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 /);
    assert.equal(bed.recorder.exchanges[0]?.attempts.length, 3);
  });

  test("attempts are counted for the endpoint and for the caller where the virtual host asks for it", async (t) => {
    const seen: (string | undefined)[] = [];
    const counted = (text: string): string | undefined => /x-envoy-attempt-count: (.*)\r\n/i.exec(text)?.[1];
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        seen.push(counted(await connection.takeMessage()));
        connection.send("HTTP/1.1 503 X\r\nX-Envoy-Attempt-Count: 99\r\nContent-Length: 0\r\n\r\n");
      }
    });
    t.after(() => backend.close());
    const host = virtualHost(
      "orders",
      route(forward("orders", { retryPolicy: { ...RETRY, numRetries: 2 } })),
    );
    const counting = { ...host, attemptCountInRequest: true, attemptCountInResponse: true };
    const dead = await ScriptedBackend.deadPort();
    const clusters = [cluster("orders", [backend.port])];
    const bed = await ProxyBed.start({ clusters, table: routeTable(counting) });
    t.after(() => bed.close());
    const request = "GET / HTTP/1.1\r\nHost: orders\r\nX-Envoy-Attempt-Count: 7\r\n\r\n";
    assert.equal(counted(await bed.ask(request)), "3");
    assert.deepEqual(seen.splice(0), ["1", "2", "3"]);
    await bed.apply({ clusters: [cluster("orders", [dead])], table: routeTable(counting) });
    assert.equal(counted(await bed.ask(request)), "3", "an answer of the proxy's own tells it too");
    await bed.apply({ clusters, table: routeTable(host) });
    assert.equal(counted(await bed.ask(request)), "99", "who does not ask gets what came");
    assert.deepEqual(seen, ["7", "7", "7"]);
  });

  test("a reused connection that closes without an answer is tried again for a GET, not for a POST", async (t) => {
    const backend = await ScriptedBackend.start(async (connection, number) => {
      await connection.takeMessage();
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      await connection.takeMessage();
      if (number % 2 === 0) connection.socket.destroy();
      else connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    assert.match(await connection.takeMessage(), /ok$/);
    connection.send(GET);
    assert.match(await connection.takeMessage(), /ok$/);
    assert.equal(bed.recorder.exchanges[1]?.attempts.length, 2);
    // The second connection is odd and answers; the third is even and closes under the POST.
    connection.send(GET);
    assert.match(await connection.takeMessage(), /again$/);
    await backend.close();
    connection.socket.destroy();
  });

  test("a POST is not sent twice when bytes of it may have been read", async (t) => {
    let requests = 0;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      await connection.takeMessage();
      requests++;
      connection.socket.destroy();
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    const post = "POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody";
    connection.send(post);
    await connection.takeMessage();
    connection.send(post);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: UC\r\n/);
    assert.equal(requests, 1);
    connection.socket.destroy();
  });

  test("retry_on 5xx repeats the request with the same body, elsewhere, and counts the failure", async (t) => {
    const bodies: string[] = [];
    const bad = await failing([500, 500, 500], bodies);
    const good = await failing([], bodies);
    t.after(() => Promise.all([bad.close(), good.close()]));
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [bad.port, good.port])],
      table: retryingTable({}),
    });
    t.after(() => bed.close());
    for (let i = 0; i < 2; i++) {
      const answer = await bed.ask("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody");
      assert.match(answer, /^HTTP\/1\.1 200 /);
    }
    assert.ok(bodies.length > 2 && bodies.every((body) => body === "body"), bodies.join("|"));
    const retried = bed.recorder.exchanges.find(({ attempts }) => attempts.length === 2);
    assert.deepEqual(
      retried?.attempts.map(({ outcome }) => outcome),
      ["server_error", "success"],
    );
    assert.equal(retried?.attempts[0]?.decision, "retried: retry_on 5xx");
  });

  test("retries that are used up show as Envoy's flag, whatever the last of them ended in", async (t) => {
    const bad = await failing([500, 500]);
    t.after(() => bad.close());
    const clusters = [cluster("orders", [bad.port]), cluster("dead", [await ScriptedBackend.deadPort()])];
    const retryPolicy = { ...RETRY, numRetries: 1 };
    const table = routeTable(
      virtualHost("orders", route(forward("orders", { retryPolicy }))),
      virtualHost("dead", route(forward("dead", { retryPolicy }))),
    );
    const bed = await ProxyBed.start({ clusters, table, limits: { freeRetries: 0 } });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 500 /);
    assert.match(
      await bed.ask(GET.replace("orders", "dead")),
      /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: UF,URX\r\n/,
    );
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 200 /);
    assert.deepEqual(
      bed.recorder.exchanges.map(({ flags }) => flags),
      ["URX", "UF,URX", ""],
    );
  });

  test("what an Envoy's rate limit refused is asked for again only where retry_on names that", async (t) => {
    for (const [on, tries] of [
      [["5xx"], 1],
      [["envoy-ratelimited"], 2],
    ] as const) {
      const backend = await ScriptedBackend.start(async (connection) => {
        for (;;) {
          await connection.takeMessage();
          connection.send("HTTP/1.1 503 X\r\nX-Envoy-RateLimited: true\r\nContent-Length: 0\r\n\r\n");
        }
      });
      const bed = await ProxyBed.start({
        clusters: [cluster("orders", [backend.port])],
        table: retryingTable({ on: new Set(on), numRetries: 1 }),
      });
      t.after(() => Promise.all([bed.close(), backend.close()]));
      assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 /);
      assert.equal(bed.recorder.exchanges[0]?.attempts.length, tries);
    }
  });

  test("an answer that is thrown away keeps its connection where its rest is small", async (t) => {
    for (const [bytes, connections] of [
      [2, 1],
      [200_000, 2],
    ] as const) {
      let answers = 0;
      const backend = await ScriptedBackend.start(async (connection) => {
        for (;;) {
          await connection.takeMessage();
          const [status, length] = answers++ === 0 ? [500, bytes] : [200, 2];
          connection.send(`HTTP/1.1 ${status} X\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`);
        }
      });
      t.after(() => backend.close());
      const bed = await ProxyBed.start({
        clusters: [cluster("orders", [backend.port])],
        table: retryingTable({ backoffBaseMs: 50, backoffMaxMs: 50 }),
      });
      t.after(() => bed.close());
      assert.match(await bed.ask(GET), /^HTTP\/1\.1 200 /);
      assert.equal(backend.accepted, connections, `${bytes} bytes`);
      assert.equal(bed.proxy.counts().upstreamConnections, 1);
    }
  });

  test("a thrown away answer whose rest does not come holds no connection for long", async (t) => {
    let answers = 0;
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        connection.send(answers++ === 0 ? "HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\n" : OK);
      }
    });
    t.after(() => backend.close());
    const clock = new FakeClock();
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      table: retryingTable({}),
      clock,
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => bed.proxy.counts().attempts === 0 && answers === 1, "the answer is thrown away");
    clock.advance(10);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /);
    assert.equal(bed.proxy.counts().upstreamConnections, 2);
    clock.advance(1_200);
    clock.advance(100);
    assert.equal(bed.proxy.counts().upstreamConnections, 1);
    connection.socket.destroy();
  });

  test("an answer that names the time to come back is repeated then, within the policy's bound", async (t) => {
    const clock = new FakeClock();
    for (const [field, format, askedMs] of [
      ["Retry-After: 2", "seconds", 2_000],
      ["x-ratelimit-reset: SOON", "unix_timestamp", 4_000],
      ["Retry-After: 99999", "seconds", 8_000],
      ["Retry-After: soon", "seconds", 0],
    ] as const) {
      let answers = 0;
      const backend = await ScriptedBackend.start(async (connection) => {
        for (;;) {
          await connection.takeMessage();
          const soon = String(Math.round((clock.wall() + 4_000) / 1_000));
          const busy = `HTTP/1.1 503 X\r\n${field.replace("SOON", soon)}\r\nContent-Length: 0\r\n\r\n`;
          connection.send(answers++ === 0 ? busy : OK);
        }
      });
      const rateLimitedBackoff = {
        headers: [{ name: field.slice(0, field.indexOf(":")), format }],
        maxMs: 8_000,
      };
      const bed = await ProxyBed.start({
        clusters: [cluster("orders", [backend.port])],
        table: retryingTable({ rateLimitedBackoff }),
        clock,
      });
      t.after(() => Promise.all([bed.close(), backend.close()]));
      const connection = await bed.connect();
      connection.send(GET);
      await eventually(() => bed.proxy.counts().attempts === 0 && answers === 1, "the endpoint refuses");
      if (askedMs > 0) clock.advance(askedMs - 1_000);
      assert.equal(bed.proxy.counts().attempts, 0, field);
      const begun = clock.now();
      while (bed.proxy.counts().attempts === 0) clock.advance(10);
      assert.ok(clock.now() - begun <= askedMs / 2 + 1_020, field);
      assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /);
      connection.socket.destroy();
    }
  });

  test("when the retries are used up the last answer is passed on", async (t) => {
    const bad = await failing([500, 501, 502, 503]);
    t.after(() => bad.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [bad.port])], table: retryingTable({}) });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 502 /);
    assert.match(bed.recorder.exchanges[0]?.attempts[2]?.decision ?? "", /all 2 retries are used up/);
  });

  test("a body larger than what is held is sent once only", async (t) => {
    const bad = await failing([500]);
    t.after(() => bad.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [bad.port])],
      table: retryingTable({}),
      limits: { replayBytesPerRequest: 1_000 },
    });
    t.after(() => bed.close());
    const body = "x".repeat(5_000);
    const answer = await bed.ask(`POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 5000\r\n\r\n${body}`);
    assert.match(answer, /^HTTP\/1\.1 500 /);
    assert.equal(bed.recorder.exchanges[0]?.attempts.length, 1);
    assert.equal(bed.proxy.counts().replayBytes, 0);
  });

  test("the retry budget keeps retries a small part of what is under way", async (t) => {
    const bad = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        connection.send("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
      }
    });
    t.after(() => bad.close());
    const thresholds = {
      maxConnections: 1024,
      maxPendingRequests: 1024,
      maxRequests: 1024,
      maxRetries: undefined,
      retryBudget: { percent: 0, minConcurrency: 0 },
    };
    const bed = await ProxyBed.start({
      clusters: [
        cluster("orders", [bad.port], { circuitBreakers: { default: thresholds, high: thresholds } }),
      ],
      table: retryingTable({}),
    });
    t.after(() => bed.close());
    await bed.ask(GET);
    assert.equal(bed.recorder.exchanges[0]?.attempts.length, 1);
    assert.match(bed.recorder.exchanges[0]?.attempts[0]?.decision ?? "", /retry budget/);
  });

  test("a backend that answers garbage is 502 for its caller, and others go on", async (t) => {
    const garbage = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send("SSH-2.0-nonsense\r\n\r\n");
    });
    const backend = await ScriptedBackend.answering("fine");
    t.after(() => Promise.all([garbage.close(), backend.close()]));
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [garbage.port]), cluster("other", [backend.port])],
      table: routeTable(
        virtualHost("orders", route(forward("orders"))),
        virtualHost("other", route(forward("other"))),
      ),
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 502 [\s\S]*x-envoy-response-flags: UPE\r\n/);
    connection.send("GET / HTTP/1.1\r\nHost: other\r\n\r\n");
    assert.match(await connection.takeMessage(), /fine$/);
    connection.socket.destroy();
  });

  test("requests that race the upstream's keep-alive closes lose none, and the endpoint is not blamed", async (t) => {
    const seed = 11;
    const random = seededRandom(seed);
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        if (random() < 0.5) continue;
        // Closes somewhere around the moment at which the connection is used again.
        for (let turns = random() * 4; turns > 0; turns--)
          await new Promise((resolve) => setImmediate(resolve));
        if (random() < 0.5) connection.socket.destroy();
        else connection.socket.resetAndDestroy();
        return;
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const caller = async (): Promise<void> => {
      const connection = await bed.connect();
      for (let i = 0; i < 100; i++) {
        connection.send(GET);
        assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /, `seed ${seed}`);
      }
      connection.socket.destroy();
    };
    await Promise.all(Array.from({ length: 16 }, caller));
    const raced = bed.recorder.exchanges.filter(({ attempts }) => attempts.length > 1);
    assert.ok(raced.length > 0, "some requests met a closed connection");
    assert.ok(raced.every(({ attempts }) => attempts[0]?.outcome === "local"));
  });
});
