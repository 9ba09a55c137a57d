import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import pino from "pino";
import { GrpcTransport } from "../../../xds/client/ads-transport.ts";
import { modelDecoders } from "../../../xds/client/decoders.ts";
import { nodeMessage } from "../../../xds/client/node-identity.ts";
import { routedClusters } from "../../../xds/client/routed-clusters.ts";
import { XdsClient } from "../../../xds/client/xds-client.ts";
import { systemClock } from "../../../xds/common/clock.ts";
import type { Configuration } from "../../../xds/model/configuration.ts";
import { XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { startControlServer } from "../../../xds/server/control-server.ts";

const logger = pino({ level: "silent" });

function mesh(services: Record<string, number[]>): string {
  const lines = Object.entries(services).map(([name, ports]) => {
    const endpoints = ports.map((port) => `{ address: "127.0.0.1:${port}" }`).join(", ");
    return `  - { name: ${name}, domains: [${name}], endpoints: [${endpoints}] }`;
  });
  return ["services:", ...lines, ""].join("\n");
}

test("the control server's mesh reaches the client, and no change leaves a route without its cluster", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "dashpot-mesh-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "mesh.yaml");
  writeFileSync(file, mesh({ orders: [9001] }));
  const server = await startControlServer({
    file,
    address: "127.0.0.1:0",
    adminAddress: "127.0.0.1:0",
    logger,
    clock: systemClock,
  });
  t.after(() => server.close());

  const seen: Configuration[] = [];
  let onNext = (): void => {};
  const client = new XdsClient({
    transport: new GrpcTransport({
      server: { target: server.address, tls: undefined },
      receiveLimitBytes: 64 * 1024 * 1024,
      keepaliveMs: 30_000,
      keepaliveTimeoutMs: 10_000,
    }),
    node: nodeMessage(
      { id: "web-1", cluster: "web", locality: { region: "", zone: "", subZone: "" }, metadata: {} },
      "0.1.0",
    ),
    listeners: [],
    clusters: [],
    decoders: modelDecoders(XDS_CONTEXT),
    clock: systemClock,
    random: Math.random,
    logger,
    applyIntervalMs: 0,
    onConfiguration: (next) => {
      seen.push(next);
      onNext();
    },
  });
  t.after(() => client.close());
  const until = (matches: (next: Configuration) => boolean) =>
    new Promise<void>((resolve) => {
      onNext = () => matches(client.configuration) && resolve();
      onNext();
    });
  const ports = (cluster: string) =>
    client.configuration.clusters
      .get(cluster)
      ?.assignment.value.localities.flatMap(({ endpoints }) => endpoints.map(({ port }) => port));
  const routed = (configuration: Configuration) =>
    configuration.routeTables
      .values()
      .flatMap(({ value }) => routedClusters(value))
      .toArray();

  client.start();
  await until((next) => next.listeners.size > 0 && next.clusters.size === 1);
  assert.deepEqual(ports("orders"), [9001]);
  assert.equal(client.status().initialized, true);
  const first = seen.length;

  for (const services of [{ orders: [9001, 9002] }, { orders: [9002], stock: [9003] }, { stock: [9004] }]) {
    writeFileSync(file, mesh(services));
    await server.reload();
    const wanted = Object.entries(services);
    await until(
      (next) =>
        next.clusters.size === wanted.length &&
        routed(next).length === wanted.length &&
        wanted.every(([name, expected]) => String(ports(name)) === String(expected)),
    );
  }
  for (const configuration of seen.slice(first)) {
    for (const cluster of routed(configuration)) assert.ok(configuration.clusters.has(cluster), cluster);
  }
  assert.equal(client.status().counters.rejected, 0);
});
