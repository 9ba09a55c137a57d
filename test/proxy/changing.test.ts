import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { cluster, forward, GET, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

suite("changing configuration", () => {
  test("new endpoints take over without a failed request, and idle connections to removed ones close", async (t) => {
    const [one, two] = [await ScriptedBackend.answering("one"), await ScriptedBackend.answering("two")];
    t.after(() => Promise.all([one.close(), two.close()]));
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [one.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    assert.match(await connection.takeMessage(), /one$/);
    await bed.apply({ clusters: [cluster("orders", [two.port])] });
    connection.send(GET);
    assert.match(await connection.takeMessage(), /two$/);
    await eventually(() => one.connections.size === 0, "the idle connection to the removed endpoint closes");
    connection.socket.destroy();
  });

  test("a request under way ends as it would when its cluster and its route are removed", async (t) => {
    let answer: (() => void) | undefined;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      answer = () => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast");
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    await eventually(() => answer !== undefined, "the request arrives");
    const table = routeTable(virtualHost("other", route(forward("other"))));
    await bed.apply({ clusters: [], table });
    answer?.();
    assert.match(await connection.takeMessage(), /last$/);
    connection.send(GET);
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 404 /);
    await eventually(() => [...backend.connections].every(({ ended }) => ended), "its connection closes");
    connection.socket.destroy();
  });

  test("identical configuration changes nothing: connections stay", async (t) => {
    const backend = await ScriptedBackend.answering("one");
    t.after(() => backend.close());
    const clusters = [cluster("orders", [backend.port])];
    const bed = await ProxyBed.start({ clusters });
    t.after(() => bed.close());
    await bed.ask(GET);
    for (let i = 0; i < 5; i++) await bed.apply({ clusters: [cluster("orders", [backend.port])] });
    await bed.ask(GET);
    assert.equal(backend.accepted, 1);
  });

  test("a drain serves on, closes idle connections, and ends when it is quiet", async (t) => {
    let requests = 0;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      requests++;
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const [idle, busy] = [await bed.connect(), await bed.connect()];
    busy.send(GET);
    await eventually(() => bed.proxy.counts().exchanges === 1, "the request is under way");
    let drained = false;
    const drain = bed.proxy.drain({ deadlineMs: 60_000 }).then(() => {
      drained = true;
    });
    assert.equal(await idle.untilEnded(), "");
    await eventually(() => requests === 1, "the request reaches the backend");
    assert.equal(drained, false);
    const late = await bed.connect();
    late.send(GET);
    await eventually(() => requests === 2, "a new connection is still served");
    for (const connection of backend.connections)
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.match(await busy.untilEnded(), /Connection: close\r\n\r\nok$/);
    assert.match(await late.untilEnded(), /Connection: close\r\n\r\nok$/);
    await drain;
  });
});
