import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

suite("forwarding", () => {
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
});
