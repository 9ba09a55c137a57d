import { suite, test } from "node:test";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { HTTP_CHECK } from "../support/model.ts";
import { cluster, ProxyBed } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

const CHECKS: Readonly<Record<string, HealthCheck["check"]>> = {
  HTTP: HTTP_CHECK,
  TCP: {
    kind: "tcp",
    send: Buffer.from("GET / HTTP/1.1\r\nHost: orders\r\n\r\n"),
    receive: [Buffer.from("200 OK")],
  },
};

function healthCheck(check: HealthCheck["check"]): HealthCheck {
  return {
    timeoutMs: 60_000,
    intervalMs: 1,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    initialJitterMs: 0,
    unhealthyThreshold: 1,
    healthyThreshold: 1,
    unhealthyIntervalMs: 1,
    unhealthyEdgeIntervalMs: 1,
    healthyEdgeIntervalMs: 1,
    check,
  };
}

suite("checking health", () => {
  for (const [what, check] of Object.entries(CHECKS)) {
    test(`${what} probes see over a cluster's own connections when an endpoint is sick and when it is well`, async (t) => {
      let status = "200 OK";
      const backend = await ScriptedBackend.start(async (connection) => {
        await connection.takeMessage();
        connection.send(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
        connection.socket.end();
      });
      t.after(() => backend.close());
      const bed = await ProxyBed.start({
        clusters: [cluster("orders", [backend.port], { healthChecks: [healthCheck(check)] })],
      });
      t.after(() => bed.close());
      const isWell = (): boolean => bed.proxy.clusters()[0]?.balancer.endpoints[0]?.health === "healthy";
      await eventually(() => backend.accepted > 2 && isWell(), "the endpoint is found well");
      status = "503 Service Unavailable";
      await eventually(() => !isWell(), "the endpoint is found sick");
      status = "200 OK";
      await eventually(isWell, "the endpoint is found well again");
    });
  }
});
