import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { GrpcTransport } from "../../../xds/client/ads-transport.ts";
import { modelDecoders } from "../../../xds/client/decoders.ts";
import { nodeMessage } from "../../../xds/client/node-identity.ts";
import { routedClusters } from "../../../xds/client/routed-clusters.ts";
import { XdsClient } from "../../../xds/client/xds-client.ts";
import { systemClock } from "../../../xds/common/clock.ts";
import { createLogger } from "../../../xds/common/logger.ts";
import { seededRandom } from "../../../xds/common/random.ts";
import type { Configuration } from "../../../xds/model/configuration.ts";
import { XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { type ControlServer, startControlServer } from "../../../xds/server/control-server.ts";

const MESH = `
services:
  - name: orders
    endpoints: [127.0.0.1:9001, { address: "127.0.0.1:9002", weight: 3, zone: b }]
    policy: { name: adaptive, scan_limit: 16, decay_time: 250ms }
    timeout: 3s
    retries: { max: 2, on: [connect-failure, 5xx], backoff: 10ms }
    routes:
      - match: { prefix: /v2/, headers: { x-tester: "yes" } }
        split: { orders: 1, next: 3 }
  - name: next
    endpoints: [127.0.0.1:9003]
`;
const WITHOUT_NEXT = "services: [{ name: orders, endpoints: [127.0.0.1:9001] }]\n";

describe("the control server and Dashpot's own xDS client", () => {
  let folder: string;
  let file: string;
  let server: ControlServer;
  let client: XdsClient;
  let changed: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dashpot-mesh-"));
    file = join(folder, "mesh.yaml");
    await writeFile(file, MESH);
    changed = () => {};
    server = await serve("127.0.0.1:0");
    client = new XdsClient({
      transport: new GrpcTransport({
        server: { target: server.address, tls: undefined },
        receiveLimitBytes: 64 * 1024 * 1024,
        keepaliveMs: 30_000,
        keepaliveTimeoutMs: 10_000,
      }),
      node: nodeMessage(
        { id: "test", cluster: "test", locality: { region: "", zone: "", subZone: "" }, metadata: {} },
        "0",
      ),
      listeners: [],
      clusters: [],
      decoders: modelDecoders(XDS_CONTEXT),
      clock: systemClock,
      random: seededRandom(1),
      logger: createLogger("silent"),
      applyIntervalMs: 0,
      backoff: { baseMs: 5, factor: 1, maxMs: 5, jitter: 0 },
      onConfiguration: () => changed(),
    });
    client.start();
  });

  afterEach(async () => {
    client?.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  function serve(address: string): Promise<ControlServer> {
    return startControlServer({
      file,
      address,
      adminAddress: "127.0.0.1:0",
      logger: createLogger("silent"),
      clock: systemClock,
      debounceMs: 1,
    });
  }

  async function until(is: (configuration: Configuration) => boolean): Promise<Configuration> {
    while (!is(client.configuration)) {
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
    return client.configuration;
  }

  const ports = (configuration: Configuration, cluster: string) =>
    (configuration.clusters.get(cluster)?.assignment.value.localities ?? [])
      .flatMap(({ endpoints }) => endpoints.map(({ port }) => port))
      .sort();

  it("agree on a whole mesh", async () => {
    const configuration = await until(
      ({ listeners, clusters }) => listeners.size === 1 && clusters.size === 2,
    );
    assert.deepEqual(configuration.listeners.get("outbound")?.value.address, {
      host: "127.0.0.1",
      port: 15_001,
    });
    assert.deepEqual(ports(configuration, "orders"), [9001, 9002]);
    const { balancing } = configuration.clusters.get("orders")!.cluster.value;
    assert.deepEqual(balancing, { kind: "adaptive", scanLimit: 16, decayMs: 250 });
    const [orders] = configuration.routeTables.get("outbound")!.value.virtualHosts;
    assert.deepEqual(orders?.domains, ["orders"]);
    assert.deepEqual([...(orders?.retryPolicy?.on ?? [])], ["connect-failure", "5xx"]);
    const [split, own] = orders?.routes ?? [];
    assert.ok(split?.action.kind === "forward" && split.action.cluster.kind === "weighted");
    assert.equal(split.action.timeoutMs, 3_000);
    assert.ok(own?.action.kind === "forward" && own.action.cluster.kind === "cluster");
  });

  it("leave no route without its cluster, whatever is added, changed and removed", async () => {
    const everything = await until(({ listeners, clusters }) => listeners.size === 1 && clusters.size === 2);
    const dangling: string[] = [];
    let seen = everything;
    for (const services of [{ orders: [9001, 9005] }, { orders: [9005], stock: [9006] }, { stock: [9007] }]) {
      const wanted = Object.entries(services);
      const lines = wanted.map(
        ([name, ports]) =>
          `  - { name: ${name}, endpoints: [${ports.map((port) => `"127.0.0.1:${port}"`)}] }`,
      );
      await writeFile(file, ["services:", ...lines, ""].join("\n"));
      await server.reload();
      seen = await until((configuration) => {
        const tables = [...configuration.routeTables.values()];
        const routed = tables.flatMap(({ value }) => [...routedClusters(value)]);
        dangling.push(...routed.filter((name) => !configuration.clusters.has(name)));
        return (
          configuration.clusters.size === wanted.length &&
          routed.length === wanted.length &&
          wanted.every(([name, expected]) => ports(configuration, name).join() === expected.join())
        );
      });
    }
    assert.notEqual(seen, everything);
    assert.deepEqual(dangling, []);
    assert.equal(client.status().counters.rejected, 0);
  });

  it("find each other again after the control server was away, without losing anything meanwhile", async () => {
    const before = await until(({ listeners, clusters }) => listeners.size === 1 && clusters.size === 2);
    const { address } = server;
    await server.close();
    assert.equal(client.configuration, before);
    await writeFile(file, WITHOUT_NEXT);
    server = await serve(address);
    await until((after) => after.clusters.size === 1 && ports(after, "orders").join() === "9001");
  });
});
