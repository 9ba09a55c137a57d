import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cluster, forward, GET, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

suite("forwarding", () => {
  for (const via of ["", "2 edge"]) {
    test(`a request that is led back here is refused at its second coming, with the via "${via}"`, async (t) => {
      const bed = await ProxyBed.start({ clusters: [], filter: { via } });
      t.after(() => bed.close());
      await bed.apply({ clusters: [cluster("orders", [bed.port])], filter: { via } });
      assert.match(await bed.ask(GET), /^HTTP\/1\.1 508 /);
      assert.equal(bed.recorder.exchanges.length, 2);
    });
  }

  test("a request reaches its cluster and the answer comes back", async (t) => {
    const backend = await ScriptedBackend.answering("hello");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const answer = await bed.ask(GET);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /\r\n\r\nhello$/);
    assert.equal(bed.recorder.exchanges[0]?.attempts[0]?.outcome, "success");
  });

  test("the upstream sees the fields in their order and case, this hop's own, and a span of its own per attempt", async (t) => {
    let seen = "";
    const backend = await ScriptedBackend.start(async (connection) => {
      seen = await connection.takeMessage();
      connection.send("HTTP/1.1 204 No Content\r\n\r\n");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      filter: { generateRequestId: true },
    });
    t.after(() => bed.close());
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const connection = await bed.connect();
    connection.send(
      "GET /a?b=c HTTP/1.1\r\nX-Odd-CASE: 1\r\nHost: orders:80\r\nConnection: X-Hop\r\nX-Hop: 1\r\n" +
        `traceparent: 00-${trace}-b7ad6b7169203331-01\r\nx-odd-case: caf\xe9\r\n\r\n`,
    );
    assert.match(await connection.takeMessage(true), /^HTTP\/1\.1 204 /);
    const lines = seen.split("\r\n");
    assert.equal(lines[0], "GET /a?b=c HTTP/1.1");
    assert.equal(lines[1], "Host: orders:80");
    assert.equal(lines[2], "X-Odd-CASE: 1");
    assert.match(lines[3] ?? "", new RegExp(`^traceparent: 00-${trace}-[0-9a-f]{16}-01$`));
    assert.doesNotMatch(lines[3] ?? "", /b7ad6b7169203331/);
    assert.equal(lines[4], "x-odd-case: caf\xe9");
    assert.match(seen, /\r\nx-request-id: [0-9a-f-]{36}\r\n/);
    assert.match(seen, /\r\nVia: 1\.1 dashpot-/);
    assert.match(seen, /\r\nx-forwarded-proto: http\r\n/);
    assert.doesNotMatch(seen, /X-Hop/);
    connection.socket.destroy();
  });

  test("both connections are kept and used again", async (t) => {
    const backend = await ScriptedBackend.answering("hi");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    for (let i = 0; i < 5; i++) {
      connection.send(GET);
      assert.match(await connection.takeMessage(), /hi$/);
    }
    assert.equal(backend.accepted, 1);
    assert.deepEqual(
      bed.recorder.exchanges.map(({ attempts }) => attempts[0]?.reused),
      [false, true, true, true, true],
    );
    connection.socket.destroy();
  });

  test("pipelined requests are answered in their order", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        const target = /^GET (\S+)/.exec(await connection.takeMessage())?.[1] ?? "";
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    const count = 200;
    const requests = Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: orders\r\n\r\n`);
    connection.send(requests.join(""));
    connection.socket.end();
    for (let i = 0; i < count; i++)
      assert.match(await connection.takeMessage(), new RegExp(`\r\n\r\n/${i}$`));
    await connection.untilEnded();
  });

  test("request bodies pass in every framing and split, with trailers for who asked", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        const seen = await connection.takeMessage();
        const body = seen.slice(seen.indexOf("\r\n\r\n") + 4);
        connection.send(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\nX-End: 1\r\n\r\n`,
        );
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 10\r\n\r\n12345");
    connection.send("67890");
    assert.match(await connection.takeUntil("0\r\n\r\n"), /\r\na\r\n1234567890\r\n0\r\n\r\n$/);
    connection.send(
      "POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n\r\n3\r\nabc\r\n",
    );
    connection.send("0\r\n\r\n");
    assert.match(
      await connection.takeUntil("X-End: 1\r\n\r\n"),
      /3\r\nabc\r\n0\r\n\r\n\r\n0\r\nX-End: 1\r\n\r\n$/,
    );
    connection.socket.destroy();
  });

  test("HEAD, 204 and 304 have no body, whatever length they tell, and the connection goes on", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        const seen = await connection.takeMessage();
        const status = /^\S+ \/(\d+)/.exec(seen)?.[1];
        connection.send(`HTTP/1.1 ${status} X\r\n${status === "204" ? "" : "Content-Length: 5\r\n"}\r\n`);
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
      ["HEAD", 404],
    ]) {
      connection.send(`${method} /${status} HTTP/1.1\r\nHost: orders\r\n\r\n`);
      assert.match(await connection.takeMessage(true), new RegExp(`^HTTP/1.1 ${status} `));
      assert.equal(connection.text, "");
    }
    assert.equal(backend.accepted, 1);
    connection.socket.destroy();
  });

  test("a body that ends with the upstream's connection is chunked for an HTTP/1.1 caller and closes an HTTP/1.0 one", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
      connection.socket.end();
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const modern = await bed.connect();
    modern.send(GET);
    assert.match(
      await modern.takeMessage(),
      /Transfer-Encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
    );
    modern.socket.destroy();
    const old = await bed.connect();
    old.send("GET / HTTP/1.0\r\nHost: orders\r\n\r\n");
    assert.match(await old.untilEnded(), /Connection: close\r\n\r\nuntil the end$/);
  });

  test("100-continue is the upstream's to give, and the body waits for it", async (t) => {
    const events: string[] = [];
    const backend = await ScriptedBackend.start(async (connection) => {
      const head = await connection.takeUntil("\r\n\r\n");
      events.push(/Expect: 100-continue/i.test(head) ? "expect" : "no expect");
      connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      events.push(await connection.takeUntil("body"));
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert.match(await connection.takeUntil("\r\n\r\n"), /^HTTP\/1\.1 103 /);
    assert.match(await connection.takeUntil("\r\n\r\n"), /^HTTP\/1\.1 100 /);
    connection.send("body");
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /);
    assert.deepEqual(events, ["expect", "body"]);
    connection.socket.destroy();
  });

  test("an answer that comes before the request's end is passed on, and both connections close", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeUntil("\r\n\r\n");
      connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 1000000\r\n\r\nbegin");
    const answer = await connection.untilEnded();
    assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*Connection: close\r\n\r\nno$/);
    assert.equal(bed.proxy.counts().idleUpstreamConnections, 0);
    connection.socket.destroy();
  });

  test("requests for unknown hosts and clusters, and for clusters without endpoints, say so", async (t) => {
    const table = routeTable(
      virtualHost("orders", route(forward("missing"))),
      virtualHost("empty", route(forward("empty"))),
    );
    const bed = await ProxyBed.start({ clusters: [cluster("empty", [])], table });
    t.after(() => bed.close());
    for (const [host, status, flag] of [
      ["nobody", 404, "NR"],
      ["orders", 503, "NC"],
      ["empty", 503, "UH"],
    ]) {
      const answer = await bed.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(answer, new RegExp(`x-envoy-response-flags: ${flag}\r\n`));
      assert.match(answer, /Proxy-Status: dashpot; error=/);
    }
  });

  test("a gRPC caller is refused in gRPC's way", async (t) => {
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [])] });
    t.after(() => bed.close());
    const answer = await bed.ask(
      "POST /a.B/C HTTP/1.1\r\nHost: orders\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /grpc-status: 14\r\n/);
    assert.match(answer, /grpc-message: no_healthy_upstream/);
  });

  test("direct responses and redirects are answered here", async (t) => {
    const table = routeTable(
      virtualHost("orders", route({ kind: "direct_response", status: 418, body: "tea" })),
      virtualHost(
        "old",
        route({
          kind: "redirect",
          https: true,
          scheme: undefined,
          host: "new",
          port: undefined,
          path: undefined,
          prefixRewrite: undefined,
          regexRewrite: undefined,
          status: 308,
          stripQuery: false,
        }),
      ),
    );
    const bed = await ProxyBed.start({ clusters: [], table });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 418 [\s\S]*\r\n\r\ntea$/);
    assert.match(
      await bed.ask("GET /a?b HTTP/1.1\r\nHost: old\r\n\r\n"),
      /^HTTP\/1\.1 308 [\s\S]*Location: https:\/\/new\/a\?b\r\n/,
    );
  });

  test("a connection goes on after an answer of our own, and says when it does not", async (t) => {
    const backend = await ScriptedBackend.answering("real");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    for (const length of ["", "Content-Length: 0\r\n"]) {
      connection.send(`GET / HTTP/1.1\r\nHost: nobody\r\n${length}\r\n${GET}`);
      assert.match(await connection.takeMessage(), /^HTTP\/1\.1 404 /);
      assert.match(await connection.takeMessage(), /real$/);
    }
    connection.send("POST / HTTP/1.1\r\nHost: nobody\r\nContent-Length: 5\r\n\r\n12345");
    assert.match(await connection.untilEnded(), /^HTTP\/1\.1 404 [\s\S]*\r\nConnection: close\r\n/);
    connection.socket.destroy();
  });

  test("a request that comes round again is stopped", async (t) => {
    const backend = await ScriptedBackend.answering("unused");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    await bed.apply({ clusters: [cluster("orders", [bed.port])] });
    const answer = await bed.ask(GET);
    assert.match(answer, /^HTTP\/1\.1 508 /);
    assert.equal(bed.recorder.exchanges.length, 2);
  });
});
