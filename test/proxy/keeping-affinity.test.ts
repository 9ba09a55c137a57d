import assert from "node:assert/strict";
import { test } from "node:test";
import type { HashPolicy } from "../../xds/model/route-table.ts";
import { cluster, forward, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

test("a caller that keeps the cookie it is given stays with its endpoint; one that has it gets no other", async (t) => {
  const names = ["one", "two", "three"];
  const backends = await Promise.all(names.map((name) => ScriptedBackend.answering(name)));
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const policy: HashPolicy = { kind: "cookie", name: "stay", ttlMs: 60_000, path: "/", terminal: false };
  const bed = await ProxyBed.start({
    clusters: [
      cluster(
        "orders",
        backends.map(({ port }) => port),
        {
          balancing: {
            kind: "ring_hash",
            minimumSize: 1_024,
            maximumSize: 4_096,
            useHostname: false,
            balanceFactor: undefined,
          },
        },
      ),
    ],
    table: routeTable(virtualHost("orders", route(forward("orders", { hashPolicy: [policy] })))),
  });
  t.after(() => bed.close());
  const chosen = new Set<string>();
  for (let caller = 0; caller < 8; caller++) {
    const first = await bed.ask("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
    const cookie = /Set-Cookie: (stay="[0-9a-f]{16}"); Max-Age=60; Path=\/; HttpOnly\r\n/.exec(first)?.[1];
    assert.ok(cookie, first);
    const name = first.slice(first.lastIndexOf("\n") + 1);
    chosen.add(name);
    for (let i = 0; i < 3; i++) {
      const again = await bed.ask(`GET / HTTP/1.1\r\nHost: orders\r\nCookie: a=b; ${cookie}\r\n\r\n`);
      assert.ok(again.endsWith(name), `${name}, then ${again}`);
      assert.doesNotMatch(again, /Set-Cookie/);
    }
  }
  assert.ok(chosen.size > 1, "callers are spread");
});
