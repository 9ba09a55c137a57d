import assert from "node:assert/strict";
import net from "node:net";
import { suite, test } from "node:test";
import { HealthChecks } from "../../sidecar/upstream/health-checks.ts";
import { HealthState, type ProbeResult } from "../../sidecar/upstream/health-state.ts";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

function healthCheck(check: HealthCheck["check"], changes: Partial<HealthCheck> = {}): HealthCheck {
  return {
    timeoutMs: 1_000,
    intervalMs: 5_000,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    initialJitterMs: 0,
    unhealthyThreshold: 3,
    healthyThreshold: 2,
    unhealthyIntervalMs: 5_000,
    unhealthyEdgeIntervalMs: 5_000,
    healthyEdgeIntervalMs: 5_000,
    check,
    ...changes,
  };
}

const HTTP: HealthCheck["check"] = {
  kind: "http",
  host: "orders",
  path: "/health",
  method: "GET",
  headers: [],
  expectedStatuses: [],
  retriableStatuses: [[500, 501]],
  responseHeaders: [],
  http2: false,
};

const TCP: HealthCheck["check"] = {
  kind: "tcp",
  send: Buffer.from("PING\r\n\r\n"),
  receive: [Buffer.from("200")],
};

const GRPC: HealthCheck["check"] = { kind: "grpc", serviceName: "", authority: "", metadata: [] };

function endpoint(port: number): Endpoint {
  return {
    host: "127.0.0.1",
    port,
    additionalAddresses: [],
    hostname: "",
    health: "healthy",
    weight: 1,
    healthCheckPort: undefined,
    transportLabels: [],
  };
}

suite("health checks", () => {
  test("the first probe decides, then thresholds do, and a fatal answer needs no second", () => {
    const table: readonly (readonly [ProbeResult, boolean])[] = [
      ["passed", true],
      ["failed", true],
      ["failed", true],
      ["passed", true],
      ["failed", true],
      ["failed", true],
      ["failed", false],
      ["passed", false],
      ["failed", false],
      ["passed", false],
      ["passed", true],
      ["fatal", false],
    ];
    const state = new HealthState(healthCheck(HTTP));
    assert.equal(state.healthy, undefined);
    table.forEach(([result, healthy], i) => {
      state.take(result);
      assert.equal(state.healthy, healthy, `after probe ${i}`);
    });
  });

  for (const code of ["EMFILE", "ENFILE", "ENOBUFS", "EADDRNOTAVAIL", "ENOMEM"]) {
    for (const check of [HTTP, TCP, GRPC]) {
      test(`a ${check.kind} probe that we have no means for (${code}) says nothing about the endpoint`, async (t) => {
        let probes = 0;
        const told: boolean[] = [];
        const clock = new FakeClock();
        const checks = new HealthChecks(
          {
            cluster: "orders",
            clock,
            random: () => 0,
            open: () => {
              if (++probes > 3) throw new Error("no certificate to be had");
              return new net.Socket().destroy(Object.assign(new Error("no means"), { code }));
            },
            onHealth: (_address, healthy) => told.push(healthy),
          },
          [healthCheck(check, { unhealthyThreshold: 1 })],
        );
        t.after(() => checks.close());
        checks.update(new Map([["one", endpoint(1)]]));
        clock.advance(0);
        await probeUntil(clock, () => probes === 3);
        assert.deepEqual(told, []);
        await probeUntil(clock, () => told.length > 0);
        assert.deepEqual(told, [false], "any other failure to open counts");
      });
    }
  }

  test("a probe whose timeout passed while we stood still says nothing about the endpoint", async (t) => {
    const backend = await ScriptedBackend.start(() => {});
    t.after(() => backend.close());
    /** Its timers fire `lateMs` late. */
    const clock = new (class extends FakeClock {
      lateMs = 0;
      override now(): number {
        return super.now() + this.lateMs;
      }
    })();
    let probes = 0;
    const told: boolean[] = [];
    const checks = new HealthChecks(
      {
        cluster: "orders",
        clock,
        random: () => 0,
        open: ({ host }, port) => {
          probes++;
          return net.connect({ host, port });
        },
        onHealth: (_address, healthy) => told.push(healthy),
      },
      [healthCheck(HTTP, { unhealthyThreshold: 1 })],
    );
    t.after(() => checks.close());
    checks.update(new Map([["one", endpoint(backend.port)]]));
    clock.advance(0);
    clock.lateMs = 2_000;
    await probeUntil(clock, () => probes === 2);
    assert.deepEqual(told, []);
    await probeUntil(clock, () => told.length > 0);
    assert.deepEqual(told, [false], "the second one's timeout passed in time");
  });

  for (const [what, check, script] of [
    ["HTTP", HTTP, "HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n"],
    ["TCP", TCP, "+%s"],
  ] as const) {
    test(`${what} probes tell when an endpoint turns sick and well`, async (t) => {
      let status = "200";
      const backend = await ScriptedBackend.start(async (connection) => {
        for (;;) {
          await connection.takeUntil("\r\n\r\n");
          connection.send(script.replace("%s", status));
          if (status !== "200") connection.socket.end();
        }
      });
      t.after(() => backend.close());
      const clock = new FakeClock();
      const told: boolean[] = [];
      const checks = new HealthChecks(
        {
          cluster: "orders",
          clock,
          random: () => 0,
          open: ({ host }, port) => net.connect({ host, port }),
          onHealth: (_address, healthy) => told.push(healthy),
        },
        [healthCheck(check, { unhealthyThreshold: 2, healthyThreshold: 1 })],
      );
      t.after(() => checks.close());
      checks.update(new Map([["one", endpoint(backend.port)]]));
      clock.advance(0);
      await eventually(() => told.length === 1, "the first probe decides");
      status = "500";
      await probeUntil(clock, () => told.length === 2);
      assert.deepEqual(told, [true, false]);
      status = "200";
      await probeUntil(clock, () => told.length === 3);
      assert.deepEqual(told, [true, false, true]);
    });
  }
});

/** Lets the clock run in steps so small that a probe under way ends long before its timeout. */
async function probeUntil(clock: FakeClock, done: () => boolean): Promise<void> {
  await eventually(() => {
    if (done()) return true;
    clock.advance(100);
    return false;
  }, "the probes decide");
}
