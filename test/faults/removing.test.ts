import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import { type RawConnection, ScriptedBackend } from "../support/raw-http.ts";

test("when all endpoints are removed running requests finish and new ones are told at once that there is none", async (t) => {
  let upstream: RawConnection | undefined;
  const backend = await ScriptedBackend.start(async (connection) => {
    await connection.takeMessage();
    upstream = connection;
  });
  t.after(() => backend.close());
  const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
  t.after(() => bed.close());
  const running = await bed.connect();
  running.send(GET);
  await eventually(() => upstream !== undefined, "the request reaches the backend");
  await bed.apply({ clusters: [cluster("orders", [])] });

  const refused = await bed.ask(GET);
  assert.match(refused, /^HTTP\/1\.1 503 /);
  assert.equal(bed.recorder.exchanges[0]?.error, "no_healthy_upstream");
  assert.match(refused, /^proxy-status: .*destination_unavailable/im);

  upstream?.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
  assert.match(await running.takeMessage(), /^HTTP\/1\.1 200 [\s\S]*late$/);
  await upstream?.untilEnded();
  running.socket.destroy();
  assert.equal(bed.proxy.counts().upstreamConnections, 0);
});

test("endpoints that come and go under load cost no request", async (t) => {
  const backends = await Promise.all(["a", "b", "c"].map((name) => ScriptedBackend.answering(name)));
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const [a = 0, b = 0, c = 0] = backends.map(({ port }) => port);
  const generations = [[a], [a, b], [b, c], [c, a, b], [b]];
  const options = (ports: readonly number[]) => ({
    clusters: [cluster("orders", ports, { balancing: { kind: "default" } as const })],
  });
  const bed = await ProxyBed.start(options([a, b, c]));
  t.after(() => bed.close());
  let over = false;
  const caller = async (): Promise<number> => {
    const connection = await bed.connect();
    let served = 0;
    for (; !over; served++) {
      connection.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 2\r\n\r\nhi");
      assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /);
    }
    connection.socket.destroy();
    return served;
  };
  const callers = Array.from({ length: 10 }, caller);
  for (let change = 0; change < 100; change++) {
    const seen = bed.recorder.exchanges.length;
    await bed.apply(options(generations[change % generations.length] ?? []));
    await eventually(() => bed.recorder.exchanges.length > seen + 20, "requests meet the new endpoints");
  }
  over = true;
  const served = (await Promise.all(callers)).reduce((sum, count) => sum + count, 0);
  assert.ok(
    bed.recorder.exchanges.every(({ attempts }) => attempts.length === 1),
    "nothing had to be retried",
  );
  t.diagnostic(`${served} requests over 100 changes`);
});
