import assert from "node:assert/strict";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { AdminBed, type BedOptions, clusterView, endpointView } from "../support/admin-bed.ts";
import { attemptFacts, exchangeFacts } from "../support/exchange-facts.ts";
import { type Answer, type Call, call } from "../support/http-call.ts";

const JSON_BODY = { "content-type": "application/json" };

/** Stands in a zone of no region, and fails its active checks. */
const FAILING = endpointView("10.0.0.3:80", {
  health: "unhealthy",
  failsChecks: true,
  locality: "b",
  place: { region: "", zone: "b", subZone: "" },
});
const LISTENER = {
  name: "outbound",
  version: "v1",
  address: { host: "::1", port: 15001 },
  bound: { host: "::1", port: 15001 },
  failure: "",
  kind: "http" as const,
  routes: "r",
};

describe("the admin interface", () => {
  let bed: AdminBed;
  before(async () => {
    bed = await AdminBed.start({
      clusters: [
        clusterView(
          "orders",
          endpointView("10.0.0.1:80"),
          endpointView("10.0.0.2:80", { state: "ejected" }),
          FAILING,
        ),
      ],
      sources: { listeners: () => [LISTENER] },
    });
  });
  after(() => bed.admin.close());

  const ask = (path: string, more: Partial<Call> = {}): Promise<Answer> =>
    call({ port: bed.port, host: "localhost", path, ...more });

  test("answers every documented path", async () => {
    for (const path of [
      "/",
      "/ready",
      "/live",
      "/clusters",
      "/listeners",
      "/help",
      "/config_dump",
      "/stats",
      "/server_info",
    ]) {
      assert.equal((await ask(path)).status, 200, path);
    }
    for (const path of ["/stats/prometheus", "/metrics", "/decisions", "/weights", "/xds", "/logging"]) {
      assert.equal((await ask(path)).status, 200, path);
    }
  });

  test("writes /clusters as Envoy does", async () => {
    const { body } = await ask("/clusters");
    assert.match(body, /^orders::10\.0\.0\.1:80::health_flags::healthy$/m);
    const connections = body.match(/^orders::10\.0\.0\.[12]:80::cx_.*$/gm);
    assert.deepEqual(connections, [
      "orders::10.0.0.1:80::cx_active::2",
      "orders::10.0.0.1:80::cx_connect_fail::1",
      "orders::10.0.0.1:80::cx_total::8",
      "orders::10.0.0.2:80::cx_active::0",
      "orders::10.0.0.2:80::cx_connect_fail::0",
      "orders::10.0.0.2:80::cx_total::0",
    ]);
    assert.match(body, /^orders::10\.0\.0\.2:80::health_flags::\/failed_outlier_check$/m);
    assert.match(body, /^orders::10\.0\.0\.1:80::learned_weight::1\.1000$/m);
    assert.match(body, /^orders::10\.0\.0\.3:80::health_flags::\/failed_active_hc$/m);
    assert.match(body, /^orders::10\.0\.0\.3:80::region::\norders::10\.0\.0\.3:80::zone::b$/m);
    const parsed = JSON.parse((await ask("/clusters?format=json")).body) as {
      cluster_statuses: { host_statuses: { address: object; dashpot: { share: number } }[] }[];
    };
    assert.deepEqual(parsed.cluster_statuses[0]?.host_statuses[0]?.address, {
      socket_address: { address: "10.0.0.1", port_value: 80 },
    });
    assert.equal(parsed.cluster_statuses[0]?.host_statuses[0]?.dashpot.share, 0.5);
  });

  test("writes /listeners and /server_info in the shape of Envoy's messages", async () => {
    const info = JSON.parse((await ask("/server_info")).body) as { node: object };
    assert.deepEqual(Object.keys(info), [
      "version",
      "state",
      "uptime_current_epoch",
      "uptime_all_epochs",
      "node",
      "dashpot",
    ]);
    assert.deepEqual(info.node, { id: "web-1", cluster: "web" });
    const { listener_statuses } = JSON.parse((await ask("/listeners?format=json")).body) as {
      listener_statuses: object[];
    };
    assert.deepEqual(listener_statuses, [
      {
        name: "outbound",
        local_address: { socket_address: { address: "::1", port_value: 15001 } },
        dashpot: LISTENER,
      },
    ]);
    assert.equal((await ask("/listeners")).body, "outbound::[::1]:15001\n");
  });

  test("filters statistics by a regular expression, as text and as JSON", async () => {
    assert.equal((await ask("/stats?filter=^server\\.live$")).body, "server.live: 1\n");
    const { body } = await ask("/stats?filter=server.(live|uptime)&format=json");
    assert.deepEqual(JSON.parse(body), {
      stats: [
        { name: "server.live", value: 1 },
        { name: "server.uptime", value: 0 },
      ],
    });
    const used = await ask("/stats?usedonly&filter=server.(live|uptime|state)|circuit_breakers");
    assert.equal(used.body, "cluster.orders.circuit_breakers.default.rq_open: 1\nserver.live: 1\n");
    const scraped = (await ask("/stats/prometheus?filter=^server.live")).body;
    assert.equal(scraped, "# TYPE envoy_server_live gauge\nenvoy_server_live 1\n");
    const { status, body: told } = await ask("/stats?filter=(");
    assert.equal(status, 400);
    assert.match(told, /filter is no regular expression of RE2/);
    assert.equal((await ask(`/stats?filter=${"a".repeat(257)}`)).status, 400);
  });

  test("explains a weight step by step", async () => {
    const { body } = await ask("/weights");
    assert.match(body, /on its way up to 1\.20, as fast as a step may be/);
  });

  test("names the nearest path and lists all when asked for one that is not there", async () => {
    const { status, body } = await ask("/cluster");
    assert.equal(status, 404);
    assert.match(body, /did you mean \\"\/clusters\\"/);
    assert.match(body, /"\/config_dump"/);
  });

  test("changes nothing on a GET", async () => {
    for (const path of ["/drain_listeners", "/quitquitquit", "/logging?level=debug"]) {
      assert.equal((await ask(path)).status, 405, path);
    }
    assert.deepEqual(bed.orders, []);
  });

  test("changes on a POST that no foreign page can send", async () => {
    assert.equal((await ask("/logging?level=debug", { method: "POST" })).status, 415);
    assert.equal((await ask("/logging?level=loud", { method: "POST", headers: JSON_BODY })).status, 400);
    assert.equal((await ask("/logging?level=debug", { method: "POST", headers: JSON_BODY })).body, "debug\n");
    assert.equal(
      (await ask("/drain_listeners", { method: "POST", headers: { "x-dashpot-admin": "1" } })).status,
      200,
    );
    assert.equal((await ask("/quitquitquit", { method: "POST", headers: JSON_BODY })).status, 200);
    assert.deepEqual(bed.orders, ["log debug", "drain", "quit"]);
  });

  test("refuses a rebound name before it answers anything", async () => {
    const { status, body } = await call({ port: bed.port, host: "evil.example", path: "/config_dump" });
    assert.equal(status, 403);
    assert.doesNotMatch(body, /clusters/);
  });

  test("sends a security policy with every answer", async () => {
    for (const path of ["/", "/clusters", "/nowhere"]) {
      const { headers } = await ask(path);
      assert.match(String(headers["content-security-policy"]), /^default-src 'self'/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
  });

  test("refuses a body that is too long, is no JSON, or reaches for the prototype", async () => {
    const post = (body: string): Promise<Answer> =>
      ask("/explain", { method: "POST", headers: JSON_BODY, body });
    assert.equal((await post("x".repeat(70_000))).status, 413);
    assert.match((await post("{")).body, /the body is not JSON/);
    assert.equal((await post('{"__proto__": {"a": 1}}')).status, 400);
    assert.match((await post("[]")).body, /must be an object such as/);
  });

  test("explains a request that is never sent, by query and by body", async () => {
    assert.match((await ask("/explain?authority=orders")).body, /orders goes to orders/);
    const body = JSON.stringify({ authority: "shop", path: "/a", headers: { "x-user": "7" } });
    const answer = await ask("/explain", { method: "POST", headers: JSON_BODY, body });
    assert.match(answer.body, /shop goes to orders/);
    assert.match((await ask("/explain")).body, /authority is missing/);
    assert.match((await ask("/explain?authority=a&path=b")).body, /path must start with a slash/);
  });

  test("lists decisions newest first, filtered, and one by one", async () => {
    bed.recorder.end(exchangeFacts({ trace: { ...exchangeFacts().trace, traceId: "a".repeat(32) } }));
    bed.recorder.end(exchangeFacts({ attempts: [attemptFacts({ outcome: OUTCOME.timeout, status: 0 })] }));
    const listed = JSON.parse((await ask("/decisions?outcome=timeout")).body) as {
      decisions: { id: number }[];
    };
    assert.equal(listed.decisions.length, 1);
    const id = listed.decisions[0]!.id;
    assert.equal(
      (JSON.parse((await ask(`/decisions/${id}`)).body) as { outcome: string }).outcome,
      "timeout",
    );
    assert.match((await ask(`/decisions/${id}?format=jaeger`)).body, /"operationName": "GET orders-all"/);
    assert.match(
      (await ask(`/decisions/${id}`, { headers: { accept: "text/html" } })).body,
      /<!doctype html>/,
    );
    assert.equal((await ask("/decisions/999999")).status, 404);
    assert.equal((await ask("/decisions/..%2f..%2fetc")).status, 404);
    assert.equal((await ask("/decisions?limit=0")).status, 400);
    assert.match((await ask("/decisions?outcome=timeot")).body, /did you mean \\"timeout\\"/);
  });

  test("streams decisions as they are made", async () => {
    const event = await new Promise<string>((resolve, reject) => {
      const options = {
        port: bed.port,
        host: "127.0.0.1",
        path: "/decisions?follow=1&cluster=orders",
        agent: false,
      };
      const request = get(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("error", reject);
        response.on("data", (chunk: string) => {
          text += chunk;
          if (!text.includes("data:")) {
            bed.recorder.end(exchangeFacts({ cluster: "other", status: 500 }));
            bed.recorder.end(exchangeFacts({ status: 500 }));
            return;
          }
          if (!text.endsWith("\n\n")) return;
          resolve(text);
          response.on("error", () => {});
          request.destroy();
        });
      });
      request.on("error", reject);
    });
    const data = JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as { cluster: string; sentence: string };
    assert.equal(data.cluster, "orders");
    assert.match(data.sentence, /^chose 10\.0\.0\.1:8080/);
    assert.doesNotMatch(event, /"cluster":"other"/);
  });

  test("limits how much it works for those who ask without end, dumps first", async () => {
    const limitedOf = async (path: string, times: number): Promise<number> => {
      let limited = 0;
      for (let i = 0; i < times; i++) if ((await ask(path)).status === 429) limited++;
      return limited;
    };
    bed.clock.advance(5_000);
    assert.equal(await limitedOf("/config_dump", 25), 5);
    bed.clock.advance(5_000);
    assert.equal(await limitedOf("/live", 210), 10);
    bed.clock.advance(5_000);
    assert.equal((await ask("/live")).status, 200);
  });
});

async function askOnce(options: BedOptions, path: string): Promise<Answer> {
  const bed = await AdminBed.start(options);
  try {
    return await call({ port: bed.port, host: "localhost", path });
  } finally {
    await bed.admin.close();
  }
}

test("readiness follows the sidecar's state", async () => {
  const answer = await askOnce({ sources: { state: () => "DRAINING" } }, "/ready");
  assert.equal(answer.status, 503);
  assert.equal(answer.body, "DRAINING\n");
  const sources = { state: () => "INITIALIZING" as const, missing: () => "the control server is away" };
  const early = await askOnce({ sources }, "/ready");
  assert.equal(early.status, 503);
  assert.equal(early.body, "INITIALIZING: the control server is away\n");
});

test("it may not listen beyond loopback without leave and token", async () => {
  await assert.rejects(
    AdminBed.start({ host: "0.0.0.0" }),
    /may not listen on 0\.0\.0\.0: use a loopback address/,
  );
  await assert.rejects(AdminBed.start({ host: "0.0.0.0", allowRemote: true }), /admin_token_file/);
  const bed = await AdminBed.start({ host: "0.0.0.0", allowRemote: true, token: "s3cret" });
  assert.equal((await call({ port: bed.port, path: "/ready" })).status, 401);
  const headers = { authorization: "Bearer s3cret" };
  assert.equal((await call({ port: bed.port, path: "/ready", headers })).status, 200);
  await bed.admin.close();
});

test("a source that fails costs one answer", async () => {
  const clusters = (): never => {
    throw new Error("boom");
  };
  let asked = 0;
  const bed = await AdminBed.start({ sources: { clusters: () => (asked++ === 0 ? [] : clusters()) } });
  assert.equal((await call({ port: bed.port, host: "localhost", path: "/clusters" })).status, 500);
  assert.equal((await call({ port: bed.port, host: "localhost", path: "/live" })).status, 200);
  await bed.admin.close();
});

test("a large answer goes out in pieces, also to a slow reader, and stops when the reader leaves", async () => {
  const endpoints = Array.from({ length: 3_000 }, (_, i) => endpointView(`10.0.${i >> 8}.${i & 255}:80`));
  const bed = await AdminBed.start({ clusters: [clusterView("orders", ...endpoints)] });
  const whole = await call({ port: bed.port, host: "localhost", path: "/clusters" });
  assert.equal(whole.body.match(/::health_flags::/g)?.length, 3_000);
  await new Promise<void>((resolve, reject) => {
    const request = get(
      { port: bed.port, host: "127.0.0.1", path: "/clusters", agent: false },
      (response) => {
        response.on("error", () => resolve());
        response.once("data", () => request.destroy());
      },
    );
    request.on("error", reject);
  });
  assert.equal((await call({ port: bed.port, host: "localhost", path: "/live" })).status, 200);
  await bed.admin.close();
});

test("closing leaves nothing behind", async () => {
  const bed = await AdminBed.start();
  assert.equal(bed.clock.pending, 1);
  await bed.admin.close();
  assert.equal(bed.clock.pending, 0);
});
