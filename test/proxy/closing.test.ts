import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cluster, ProxyBed } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

const LAST = "GET / HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n";

suite("closing callers' connections", () => {
  async function started(t: { after(fn: () => unknown): void }, maxRequestsPerConnection = 0) {
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    });
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      filter: { maxRequestsPerConnection },
    });
    t.after(() => {
      bed.close();
      backend.close();
    });
    return bed;
  }

  test("one whose caller said that this was its last request is closed with the answer, without waiting for the caller's end", async (t) => {
    const bed = await started(t);
    const caller = await bed.connect();
    caller.send(LAST);
    const answer = await caller.untilEnded();
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
    assert.equal(caller.wasReset, false);
    assert.equal(bed.proxy.counts().downstreamConnections, 0);
    caller.socket.destroy();
  });

  test("what a caller sends after it said so is not answered, and does not cost it the answer", async (t) => {
    const bed = await started(t);
    const caller = await bed.connect();
    caller.send(`${LAST}GET /more HTTP/1.1\r\nHost: orders\r\n\r\n`);
    const answer = await caller.untilEnded();
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.match(answer, /\r\n\r\nok$/);
    caller.socket.destroy();
  });

  test("one that we end is kept until its caller ends, too: what it sends meanwhile would else eat the answer", async (t) => {
    const bed = await started(t, 1);
    const caller = await bed.connect();
    caller.send(LAST.replace("Connection: close\r\n", ""));
    assert.match(await caller.untilEnded(), /\r\nconnection: close\r\n[\s\S]*ok$/i);
    assert.equal(bed.proxy.counts().downstreamConnections, 1);
    caller.send("GET /more HTTP/1.1\r\nHost: orders\r\n\r\n");
    caller.socket.end();
    await caller.untilClosed();
    assert.equal(caller.wasReset, false);
  });
});
