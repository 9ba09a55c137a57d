import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Cluster, HealthCheck } from "../../xds/model/cluster.ts";
import type { ClusterConfiguration } from "../../xds/model/configuration.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { HTTP_CHECK } from "../support/model.ts";
import {
  cluster,
  forward,
  GET,
  ProxyBed,
  route,
  routeTable,
  versioned,
  virtualHost,
} from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

/** Probes once and then not again before the test is over. */
const HEALTH_CHECK: HealthCheck = {
  timeoutMs: 5_000,
  intervalMs: 600_000,
  intervalJitterMs: 0,
  intervalJitterPercent: 0,
  initialJitterMs: 0,
  unhealthyThreshold: 1,
  healthyThreshold: 1,
  unhealthyIntervalMs: 600_000,
  unhealthyEdgeIntervalMs: 600_000,
  healthyEdgeIntervalMs: 600_000,
  check: HTTP_CHECK,
};

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

  test("another policy takes over the connections, the endpoints and what health checks found", async (t) => {
    const [sick, well] = [await ScriptedBackend.answering("sick"), await ScriptedBackend.answering("well")];
    const probed = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
    });
    t.after(() => Promise.all([sick.close(), well.close(), probed.close()]));
    const clusterWith = (
      balancing: Cluster["balancing"],
      healthChecks = [HEALTH_CHECK],
    ): ClusterConfiguration => {
      const made = cluster("orders", [sick.port, well.port], {
        balancing,
        healthChecks,
        panicThreshold: 0,
      });
      const assignment = structuredClone(made.assignment.value);
      const [first, second] = assignment.localities[0]?.endpoints ?? [];
      Object.assign(first as Endpoint, { healthCheckPort: probed.port });
      Object.assign(second as Endpoint, { healthCheckPort: well.port });
      return { ...made, assignment: versioned(assignment) };
    };
    const bed = await ProxyBed.start({
      clusters: [clusterWith({ kind: "round_robin", slowStart: undefined })],
    });
    t.after(() => bed.close());
    // Round robin: when two answers in a row are well, the check has found the sick one.
    while (!((await bed.ask(GET)) + (await bed.ask(GET))).match(/well[\s\S]*well$/));
    const { accepted } = well;
    await bed.apply({ clusters: [clusterWith({ kind: "random" })] });
    assert.equal(bed.proxy.clusters()[0]?.balancer.policy, "random");
    for (let i = 0; i < 12; i++) assert.match(await bed.ask(GET), /well$/);
    assert.ok(well.accepted - accepted <= 1, "the pooled connection serves on");
    await bed.apply({ clusters: [clusterWith({ kind: "random" }, [])] });
    while (!(await bed.ask(GET)).endsWith("sick"));
  });

  test("a request that runs while the policy changes ends on the books it began on", async (t) => {
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        const slow = (await connection.takeMessage()).startsWith("GET /slow");
        connection.send(
          slow ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" : "HTTP/1.1 204 No Content\r\n\r\n",
        );
      }
    });
    t.after(() => backend.close());
    const of = (balancing: Cluster["balancing"]) => [cluster("orders", [backend.port], { balancing })];
    const endpoint = () => bed.proxy.clusters()[0]?.balancer.endpoints[0];
    const bed = await ProxyBed.start({ clusters: of({ kind: "adaptive" }) });
    t.after(() => bed.close());
    const [slow, cut] = [await bed.connect(), await bed.connect()];
    for (const caller of [slow, cut]) {
      caller.send(GET.replace("GET /", "GET /slow"));
      await caller.takeUntil("\r\n\r\n");
    }
    await bed.apply({ clusters: of({ kind: "random" }) });
    assert.equal(endpoint()?.inFlight, 2);
    cut.socket.destroy();
    await eventually(() => endpoint()?.inFlight === 1, "one is over");
    await bed.apply({ clusters: of({ kind: "adaptive" }) });
    await bed.ask(GET);
    assert.deepEqual([endpoint()?.inFlight, endpoint()?.picks], [1, 3]);
    slow.socket.destroy();
    await eventually(() => endpoint()?.inFlight === 0, "both are over");
  });

  test("a connection to a removed listener may bring its first request for a moment, and then closes", async (t) => {
    const backend = await ScriptedBackend.answering("served");
    t.after(() => backend.close());
    const clock = new FakeClock();
    const options = { clusters: [cluster("orders", [backend.port])], clock };
    const bed = await ProxyBed.start(options);
    t.after(() => bed.close());
    const [unused, used] = [await bed.connect(), await bed.connect()];
    await eventually(() => bed.proxy.counts().downstreamConnections === 2, "both are taken");
    await bed.apply({ ...options, listener: { name: "another" } });
    clock.advance(4_000);
    used.send(GET);
    assert.match(await used.untilEnded(), /Connection: close\r\n[\s\S]*served$/);
    used.socket.destroy();
    assert.equal(unused.ended, false);
    clock.advance(2_000);
    assert.equal(await unused.untilEnded(), "");
    unused.socket.destroy();
  });

  test("another idle timeout holds for the connections that stand, and none for none", async (t) => {
    const backend = await ScriptedBackend.answering("served");
    t.after(() => backend.close());
    const clock = new FakeClock();
    const options = (idleTimeoutMs: number) => ({
      clusters: [cluster("orders", [backend.port])],
      filter: { idleTimeoutMs },
      clock,
    });
    const bed = await ProxyBed.start(options(10_000));
    t.after(() => bed.close());
    const connection = await bed.connect();
    await eventually(() => bed.proxy.counts().downstreamConnections === 1, "it is taken");
    clock.advance(9_000);
    await bed.apply(options(0));
    clock.advance(100_000);
    connection.send(GET);
    assert.match(await connection.takeMessage(), /served$/);
    await bed.apply(options(5_000));
    clock.advance(4_000);
    assert.equal(bed.proxy.counts().downstreamConnections, 1);
    clock.advance(1_200);
    assert.equal(await connection.untilEnded(), "");
    connection.socket.destroy();
  });

  test("a drain serves on, closes connections that idle since their last request, and ends when it is quiet", async (t) => {
    const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let requests = 0;
    const backend = await ScriptedBackend.start(async (connection) => {
      for (;;) {
        const first = (await connection.takeMessage()).startsWith("GET /first");
        if (first) connection.send(OK);
        else requests++;
      }
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const [idle, fresh, busy] = [await bed.connect(), await bed.connect(), await bed.connect()];
    idle.send(GET.replace("/", "/first"));
    assert.match(await idle.takeMessage(), /ok$/);
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
    fresh.send(GET);
    await eventually(() => requests === 3, "new connections are still served");
    for (const connection of backend.connections) connection.send(OK);
    assert.match(await busy.untilEnded(), /Connection: close\r\n\r\nok$/);
    assert.match(await late.untilEnded(), /Connection: close\r\n\r\nok$/);
    assert.match(await fresh.untilEnded(), /Connection: close\r\n\r\nok$/);
    await drain;
  });
});
