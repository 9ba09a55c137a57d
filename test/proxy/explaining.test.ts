import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cluster, forward, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";

const ASKED = { method: "GET", authority: "orders", target: "/", headers: [], listener: "" } as const;

suite("explaining", () => {
  test("a dry run names route, cluster, endpoint and candidates, and sends nothing", async (t) => {
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [9, 10])] });
    t.after(() => bed.close());
    const told = bed.proxy.explain(ASKED);
    assert.equal(told.action, "forward");
    assert.equal(told.cluster, "orders");
    assert.match(told.chosen, /^127\.0\.0\.1:(9|10)$/);
    assert.equal(told.total, 2);
    assert.match(told.sentence, /127\.0\.0\.1/);
    assert.equal(bed.proxy.counts().upstreamConnections, 0);
  });

  test("a dry run changes nothing: the next request goes where it would have gone", async (t) => {
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [9, 10, 11])] });
    t.after(() => bed.close());
    const first = bed.proxy.explain(ASKED).chosen;
    for (let i = 0; i < 5; i++) assert.equal(bed.proxy.explain(ASKED).chosen, first);
  });

  test("a request that hashes is explained with its hash", async (t) => {
    const balancing = {
      kind: "ring_hash",
      minimumSize: 1024,
      maximumSize: 4096,
      useHostname: false,
      balanceFactor: undefined,
    } as const;
    const hashPolicy = [{ kind: "header", name: "x-user", terminal: false }] as const;
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [9, 10, 11, 12], { balancing })],
      table: routeTable(virtualHost("orders", route(forward("orders", { hashPolicy })))),
    });
    t.after(() => bed.close());
    const chosen = (user: string): string =>
      bed.proxy.explain({ ...ASKED, headers: [["x-user", user]] }).chosen;
    assert.equal(chosen("7"), chosen("7"));
    const users = Array.from({ length: 50 }, (_, i) => chosen(String(i)));
    assert.ok(new Set(users).size > 1, "every user went to one endpoint");
  });

  test("an unknown host, an unknown cluster and an unknown listener are each told in a sentence", async (t) => {
    const bed = await ProxyBed.start({ clusters: [] });
    t.after(() => bed.close());
    assert.match(bed.proxy.explain({ ...ASKED, authority: "payments" }).sentence, /no route .* 404/);
    assert.match(bed.proxy.explain(ASKED).sentence, /cluster "orders", which is not known: 503/);
    assert.match(bed.proxy.explain({ ...ASKED, listener: "nope" }).sentence, /there is no listener/);
  });
});
