import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { FaultPolicy } from "../../xds/model/route-table.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { cluster, forward, GET, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

const ALWAYS = { numerator: 100, denominator: 100 } as const;

function faulty(fault: Partial<FaultPolicy>): ReturnType<typeof routeTable> {
  const policy: FaultPolicy = {
    delay: undefined,
    abort: undefined,
    headers: [],
    upstreamCluster: "",
    maxActiveFaults: 100,
    ...fault,
  };
  return routeTable(virtualHost("orders", route(forward("orders"), { fault: policy })));
}

suite("shaping", () => {
  test("a fault answers instead of the upstream, or makes it wait", async (t) => {
    const backend = await ScriptedBackend.answering("real");
    t.after(() => backend.close());
    const clusters = [cluster("orders", [backend.port])];
    const clock = new FakeClock();
    const abort = { status: 429, grpcStatus: undefined, fraction: ALWAYS };
    const bed = await ProxyBed.start({ clusters, clock, table: faulty({ abort }) });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 429 [\s\S]*x-envoy-response-flags: FI\r\n/);
    assert.equal(backend.accepted, 0);
    await bed.apply({ clusters, table: faulty({ delay: { ms: 2_000, fraction: ALWAYS } }) });
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => bed.proxy.counts().faults === 1, "the request is held");
    clock.advance(1_999);
    assert.equal(backend.accepted, 0);
    clock.advance(2);
    assert.match(await connection.takeMessage(), /real$/);
    assert.equal(bed.proxy.counts().faults, 0);
    connection.socket.destroy();
  });

  test("a caller that leaves while a fault holds its request leaves nothing behind", async (t) => {
    const clock = new FakeClock();
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [])],
      clock,
      table: faulty({ delay: { ms: 60_000, fraction: ALWAYS } }),
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => bed.proxy.counts().faults === 1, "the request is held");
    connection.socket.resetAndDestroy();
    await eventually(() => bed.proxy.counts().faults === 0, "it is let go");
    assert.equal(bed.proxy.counts().exchanges, 0);
  });

  test("a mirror that is not answered ends by the route's timeout, and leaves no connection behind", async (t) => {
    const backend = await ScriptedBackend.answering("served");
    let mirrored = 0;
    const silent = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      mirrored++;
    });
    t.after(() => Promise.all([backend.close(), silent.close()]));
    const clock = new FakeClock();
    const mirrors = [{ cluster: "shadow", fraction: ALWAYS }];
    for (const [timeoutMs, waits, ends] of [
      [2_000, 1_900, 200],
      [0, 14_900, 200],
    ] as const) {
      const bed = await ProxyBed.start({
        clusters: [cluster("orders", [backend.port]), cluster("shadow", [silent.port])],
        table: routeTable(virtualHost("orders", route(forward("orders", { mirrors, timeoutMs })))),
        clock,
      });
      t.after(() => bed.close());
      mirrored = 0;
      assert.match(await bed.ask(GET), /served$/);
      await eventually(() => mirrored === 1, "the mirror is asked");
      clock.advance(waits);
      assert.equal(bed.proxy.counts().mirrors, 1);
      clock.advance(ends);
      const shadow = bed.proxy.clusters().find(({ name }) => name === "shadow");
      assert.deepEqual(
        [bed.proxy.counts().mirrors, shadow?.requests.active, shadow?.connections.active],
        [0, 0, 0],
      );
    }
  });

  test("mirrors that their cluster has no room for are counted", async (t) => {
    const backend = await ScriptedBackend.answering("served");
    t.after(() => backend.close());
    const made = cluster("shadow", [backend.port]);
    const full = { ...made.cluster.value.circuitBreakers.default, maxRequests: 0 };
    const circuitBreakers = { default: full, high: full };
    const mirrors = [{ cluster: "shadow", fraction: ALWAYS }];
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port]), cluster("shadow", [backend.port], { circuitBreakers })],
      table: routeTable(virtualHost("orders", route(forward("orders", { mirrors })))),
    });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /served$/);
    assert.deepEqual([bed.proxy.counts().mirrors, bed.proxy.counts().mirrorsDropped], [0, 1]);
  });

  test("a mirror gets the same request and body, and its failure is nobody's", async (t) => {
    const copies: string[] = [];
    const backend = await ScriptedBackend.answering("real");
    const shadow = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        copies.push(await connection.takeMessage());
        connection.send("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
      }
    });
    t.after(() => Promise.all([backend.close(), shadow.close()]));
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port]), cluster("shadow", [shadow.port])],
      table: routeTable(
        virtualHost(
          "orders",
          route(forward("orders", { mirrors: [{ cluster: "shadow", fraction: ALWAYS }] })),
        ),
      ),
    });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    assert.match(await connection.takeMessage(), /real$/);
    connection.send("POST /x HTTP/1.1\r\nHost: orders:80\r\nContent-Length: 4\r\n\r\nbo");
    connection.send("dy");
    assert.match(await connection.takeMessage(), /real$/);
    await eventually(() => copies.length === 2, "both copies arrive");
    assert.match(copies[0] ?? "", /^GET \/ HTTP\/1\.1\r\nHost: orders-shadow\r\n/);
    assert.match(copies[1] ?? "", /^POST \/x HTTP\/1\.1\r\nHost: orders-shadow:80\r\n[\s\S]*\r\n\r\nbody$/);
    await eventually(() => bed.proxy.counts().mirrors === 0, "the mirrors end");
    connection.socket.destroy();
  });

  test("Max-Forwards counts down for OPTIONS and TRACE and ends here at zero", async (t) => {
    let seen = "";
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        seen = await connection.takeMessage();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal");
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const ask = (method: string, hops: number): Promise<string> =>
      bed.ask(`${method} / HTTP/1.1\r\nHost: orders\r\nMax-Forwards: ${hops}\r\nCookie: secret\r\n\r\n`);
    assert.match(await ask("OPTIONS", 3), /real$/);
    assert.match(seen, /Max-Forwards: 2\r\n/);
    assert.match(await ask("GET", 0), /real$/);
    const trace = await ask("TRACE", 0);
    assert.match(trace, /message\/http[\s\S]*\r\n\r\nTRACE \/ HTTP\/1\.1\r\n/);
    assert.doesNotMatch(trace, /secret/);
    assert.doesNotMatch(await ask("OPTIONS", 0), /real$/);
  });

  test("circuit breakers refuse what is over their bounds, and count it", async (t) => {
    const backend = await ScriptedBackend.start(() => {});
    t.after(() => backend.close());
    const bound = {
      maxConnections: 1,
      maxPendingRequests: 1,
      maxRequests: 2,
      maxRetries: 3,
      retryBudget: undefined,
    };
    const circuitBreakers = { default: bound, high: bound };
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port], { circuitBreakers })] });
    t.after(() => bed.close());
    const [first, second] = [await bed.connect(), await bed.connect()];
    first.send(GET);
    await eventually(() => bed.proxy.counts().attempts === 1 && backend.accepted === 1, "one is served");
    second.send(GET);
    await eventually(() => bed.proxy.clusters()[0]?.requests.pending === 1, "one waits");
    assert.match(
      await bed.ask(GET),
      /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: UO\r\nx-envoy-overloaded: true\r\n/,
    );
    assert.equal(bed.proxy.clusters()[0]?.overflows.requests, 1);
    assert.equal(backend.accepted, 1);
    first.socket.destroy();
    second.socket.destroy();
  });

  test("a caller inside the network may set its timeout by header, which goes no further", async (t) => {
    let seen = "";
    const backend = await ScriptedBackend.start(async (connection) => {
      seen = await connection.takeMessage();
    });
    t.after(() => backend.close());
    const clock = new FakeClock();
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])], clock });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send("GET / HTTP/1.1\r\nHost: orders\r\nx-envoy-upstream-rq-timeout-ms: 300\r\n\r\n");
    await eventually(() => seen !== "", "the request arrives");
    assert.doesNotMatch(seen, /x-envoy/);
    clock.advance(360);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 504 /);
    connection.socket.destroy();
  });

  test("callers' overrides leave the fields of this hop where they belong", async (t) => {
    let seen = "";
    const backend = await ScriptedBackend.start(async (connection) => {
      seen = await connection.takeMessage();
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      filter: { useRemoteAddress: true },
    });
    t.after(() => bed.close());
    await bed.ask(
      "GET / HTTP/1.1\r\nx-envoy-max-retries: 1\r\nHost: orders\r\nVia: 1.0 first\r\nX-Forwarded-For: 10.1.1.1\r\n" +
        "tracestate: a=b\r\n\r\n",
    );
    assert.match(seen, /\r\nVia: 1\.0 first, 1\.1 dashpot-[0-9a-f]{8}\r\n/);
    assert.match(seen, /\r\nX-Forwarded-For: 10\.1\.1\.1,127\.0\.0\.1\r\n/);
    assert.doesNotMatch(seen, /x-envoy-max/);
  });

  test("a path is brought into one spelling before its route is looked for", async (t) => {
    const backend = await ScriptedBackend.answering("real");
    t.after(() => backend.close());
    const secret = route(
      { kind: "direct_response", status: 403, body: "" },
      {
        match: {
          path: { kind: "prefix", value: "/secret", ignoreCase: false },
          headers: [],
          query: [],
          grpcOnly: false,
          fraction: undefined,
        },
      },
    );
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      filter: { normalizePath: true, mergeSlashes: true, escapedSlashes: "unescape_and_forward" },
      table: routeTable(virtualHost("orders", secret, route(forward("orders")))),
    });
    t.after(() => bed.close());
    for (const path of ["/secret", "/public/..%2fsecret", "//secret", "/./secret", "/%73ecret"]) {
      assert.match(await bed.ask(`GET ${path} HTTP/1.1\r\nHost: orders\r\n\r\n`), /^HTTP\/1\.1 403 /, path);
    }
  });

  test("the part of requests that the control plane asks to drop is dropped, and says so", async (t) => {
    const backend = await ScriptedBackend.answering("real");
    t.after(() => backend.close());
    const orders = cluster("orders", [backend.port]);
    const drops = [{ category: "throttle", fraction: 1 }];
    const assignment = { ...orders.assignment, value: { ...orders.assignment.value, drops } };
    const bed = await ProxyBed.start({ clusters: [{ ...orders, assignment }] });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: DO\r\n/);
    assert.equal(backend.accepted, 0);
  });
});
