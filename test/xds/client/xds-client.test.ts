import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import pino from "pino";
import { type AdsTransport, GrpcTransport } from "../../../xds/client/ads-transport.ts";
import { modelDecoders } from "../../../xds/client/decoders.ts";
import { nodeMessage } from "../../../xds/client/node-identity.ts";
import { XdsClient, type XdsClientOptions } from "../../../xds/client/xds-client.ts";
import type { Configuration } from "../../../xds/model/configuration.ts";
import { XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { FakeAdsServer } from "../../support/fake-ads-server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { assignmentModel, clusterModel } from "../../support/model.ts";
import { CDS, EDS, edsCluster, endpoints, LDS, RDS, rdsListener, routes } from "../../support/resources.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

async function startServer(port = 0): Promise<FakeAdsServer> {
  const server = await FakeAdsServer.start(port);
  cleanups.push(() => server.stop());
  return server;
}

/** A client whose time stands still unless moved, with its configurations and the ends of its streams to wait for. */
function startClient(target: string | undefined, options: Partial<XdsClientOptions> = {}) {
  const clock = new FakeClock();
  const configurations: Configuration[] = [];
  let onNext = (): void => {};
  let onClose = (): void => {};
  const transport = target === undefined ? undefined : observed(target, () => onClose());
  const client = new XdsClient({
    transport,
    node: nodeMessage(
      {
        id: "web-1",
        cluster: "web",
        locality: { region: "r", zone: "z", subZone: "" },
        metadata: { team: "blue" },
      },
      "0.1.0",
    ),
    listeners: [],
    clusters: [],
    decoders: modelDecoders(XDS_CONTEXT),
    clock,
    random: () => 0,
    logger: pino({ level: "silent" }),
    applyIntervalMs: 0,
    onConfiguration: (next) => {
      configurations.push(next);
      onNext();
    },
    ...options,
  });
  cleanups.push(() => client.close());
  client.start();
  /** The first configuration, from now on or already there, that `matches`. */
  const configuration = (matches: (next: Configuration) => boolean): Promise<Configuration> =>
    new Promise((resolve) => {
      onNext = () => {
        if (matches(client.configuration)) resolve(client.configuration);
      };
      onNext();
    });
  const streamEnd = () =>
    new Promise<void>((resolve) => {
      onClose = resolve;
    });
  return { client, clock, configurations, configuration, streamEnd };
}

function observed(target: string, onClose: () => void): AdsTransport {
  const grpc = new GrpcTransport({
    server: { target, tls: undefined },
    receiveLimitBytes: 64 * 1024 * 1024,
    keepaliveMs: 30_000,
    keepaliveTimeoutMs: 10_000,
  });
  return {
    target,
    connect: (handlers) =>
      grpc.connect({
        ...handlers,
        close: (end) => {
          handlers.close(end);
          onClose();
        },
      }),
  };
}

const ports = (configuration: Configuration, cluster: string) =>
  configuration.clusters
    .get(cluster)
    ?.assignment.value.localities.flatMap((locality) => locality.endpoints.map(({ port }) => port));

/** Brings a client to a configuration with one listener, one route and one cluster with one endpoint. */
async function settled() {
  const server = await startServer();
  const subject = startClient(server.target);
  await server.requestOf(LDS);
  await server.respond(CDS, "1", [edsCluster("orders")]);
  await server.respond(EDS, "1", [endpoints("orders", 9001)]);
  await server.respond(LDS, "1", [rdsListener("outbound", "main")]);
  await server.respond(RDS, "1", [routes("main", "orders")]);
  await subject.configuration((next) => next.routeTables.has("main") && next.clusters.has("orders"));
  return { server, ...subject };
}

describe("a control server that is there", () => {
  test("is asked for clusters and listeners first, for endpoints and routes once they are named, with the node once", async () => {
    const server = await startServer();
    const { configuration, client } = startClient(server.target);
    const clusters = await server.requestOf(CDS);
    assert.deepEqual(
      [clusters.node?.id, clusters.node?.cluster, clusters.node?.metadata],
      ["web-1", "web", { team: "blue" }],
    );
    assert.equal(clusters.node?.userAgentName, "dashpot");
    assert.deepEqual(clusters.resourceNames, []);
    const listeners = await server.requestOf(LDS);
    assert.equal(listeners.node, undefined);

    const named = server.requestOf(EDS);
    const ack = server.respond(CDS, "1", [
      edsCluster("orders", { eds_cluster_config: edsConfig("orders-v1") }),
    ]);
    await ack;
    assert.deepEqual((await named).resourceNames, ["orders-v1"]);
    await server.respond(EDS, "1", [endpoints("orders-v1", 9001, 9002)]);
    assert.deepEqual(ports(await configuration((next) => next.clusters.size > 0), "orders"), [9001, 9002]);

    const route = server.requestOf(RDS);
    await server.respond(LDS, "1", [rdsListener("outbound", "main")]);
    assert.deepEqual((await route).resourceNames, ["main"]);
    assert.equal(client.configuration.listeners.size, 0, "the listener waits for its routes");
    assert.equal(client.status().initialized, false);
    await server.respond(RDS, "1", [routes("main", "orders")]);
    const done = await configuration((next) => next.listeners.size > 0);
    assert.deepEqual([...done.routeTables.keys()], ["main"]);
    assert.equal(client.status().initialized, true);
  });

  test("gets an ACK that carries version and nonce, and a NACK that names resource and field", async () => {
    const { server, client } = await settled();
    const ack = await server.respond(EDS, "2", [endpoints("orders", 9001, 9002)]);
    assert.deepEqual([ack.versionInfo, ack.errorDetail], ["2", undefined]);
    const nack = await server.respond(EDS, "3", [endpoints("orders", 9001, 9001)]);
    assert.equal(nack.versionInfo, "2");
    assert.equal(nack.errorDetail?.code, 3);
    assert.match(nack.errorDetail?.message ?? "", /"orders": endpoints\[0\]\.lb_endpoints\[1\]/);
    assert.deepEqual(ports(client.configuration, "orders"), [9001, 9002], "the last good endpoints stay");
    const type = client.status().types.find(({ typeUrl }) => typeUrl === EDS);
    assert.equal(type?.resources[0]?.state, "nacked");
    assert.match(type?.lastNack?.reason ?? "", /"orders"/);
  });

  test("has the good resources of a bad response used", async () => {
    const { server, client } = await settled();
    const bad = edsCluster("bad", { connect_timeout: "-1s" });
    const nack = await server.respond(CDS, "2", [edsCluster("orders"), bad, edsCluster("stock")]);
    assert.match(nack.errorDetail?.message ?? "", /^"bad": connect_timeout/);
    await server.respond(EDS, "2", [endpoints("orders", 9001), endpoints("stock", 9003)]);
    assert.deepEqual(ports(client.configuration, "stock"), [9003]);
    assert.deepEqual([...client.configuration.clusters.keys()].sort(), ["orders", "stock"]);
  });

  test("may send the same again without anything being replaced", async () => {
    const { server, client, configurations } = await settled();
    const before = client.configuration;
    const count = configurations.length;
    await server.respond(CDS, "2", [edsCluster("orders")]);
    await server.respond(EDS, "2", [endpoints("orders", 9001)]);
    await server.respond(LDS, "2", [rdsListener("outbound", "main")]);
    await server.respond(RDS, "2", [routes("main", "orders")]);
    assert.equal(client.configuration, before);
    assert.equal(configurations.length, count);
  });

  test("takes a cluster and a listener away by leaving them out", async () => {
    const { server, configuration } = await settled();
    await server.respond(LDS, "2", []);
    const without = await configuration((next) => next.listeners.size === 0);
    assert.equal(without.routeTables.size, 0);
    const unsubscribed = server.request(
      ({ typeUrl, resourceNames }) => typeUrl === EDS && resourceNames.length === 0,
    );
    await server.respond(CDS, "2", []);
    await configuration((next) => next.clusters.size === 0);
    await unsubscribed;
  });

  test("that sends no endpoints for a cluster is waited for 15 s, then the cluster is used without any", async () => {
    const server = await startServer();
    const { clock, client, configuration } = startClient(server.target);
    await server.requestOf(LDS);
    const asked = server.requestOf(EDS);
    await server.respond(CDS, "1", [edsCluster("orders")]);
    await asked;
    clock.advance(14_999);
    assert.equal(client.configuration.clusters.size, 0);
    clock.advance(1);
    assert.deepEqual(ports(client.configuration, "orders"), []);
    await server.respond(EDS, "1", [endpoints("orders", 9001)]);
    assert.deepEqual(
      ports(await configuration((next) => ports(next, "orders")?.length === 1), "orders"),
      [9001],
    );
  });

  test("may send far more than 4 MiB at once", async () => {
    const server = await startServer();
    const { configuration } = startClient(server.target);
    await server.requestOf(LDS);
    const filler = "x".repeat(16_000);
    const clusters = Array.from({ length: 400 }, (_, i) =>
      edsCluster(`c${i}`, { metadata: { filter_metadata: { a: { filler } } } }),
    );
    const ack = await server.respond(CDS, "1", clusters);
    assert.equal(ack.errorDetail, undefined);
    await server.respond(
      EDS,
      "1",
      Array.from({ length: 400 }, (_, i) => endpoints(`c${i}`, 9000 + i)),
    );
    assert.equal((await configuration((next) => next.clusters.size === 400)).clusters.size, 400);
  });

  test("that sends bytes which are no response does not end the stream", async () => {
    const { server, client } = await settled();
    server.send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    const ack = await server.respond(EDS, "2", [endpoints("orders", 9002)]);
    assert.equal(ack.errorDetail, undefined);
    assert.equal(server.streams, 1);
    assert.equal(client.status().counters.unreadable, 1);
  });

  test("that sends a resource which does not decode is told so, and everything else is used", async () => {
    const { server, client } = await settled();
    const garbage = { typeUrl: CDS, value: Buffer.from([0x0a, 0xff, 0x01]) };
    const nack = await server.respond(CDS, "2", [garbage, edsCluster("stock")]);
    assert.match(nack.errorDetail?.message ?? "", /resources\[0\]/);
    await server.respond(EDS, "2", [endpoints("orders", 9001), endpoints("stock", 9002)]);
    assert.deepEqual([...client.configuration.clusters.keys()].sort(), ["orders", "stock"]);
  });

  test("that sends a type nobody asked for is not answered and not left", async () => {
    const { server, client } = await settled();
    void server.respond("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "1", []);
    const ack = await server.respond(EDS, "2", [endpoints("orders", 9001)]);
    assert.equal(ack.versionInfo, "2");
    assert.equal(server.streams, 1);
    assert.equal(client.status().counters.unreadable, 1);
  });
});

describe("a control server that goes and comes", () => {
  test("leaves the configuration in use and is found again on its port, with version but without nonce", async () => {
    const { server, client, clock, streamEnd } = await settled();
    const before = client.configuration;
    const ended = streamEnd();
    server.stop();
    await ended;
    assert.equal(client.configuration, before);
    assert.equal(client.status().servers[0]?.state, "waiting");
    const again = await startServer(server.port);
    clock.advance(30_000);
    const request = await again.requestOf(EDS);
    assert.deepEqual(
      [request.versionInfo, request.responseNonce, request.resourceNames],
      ["1", "", ["orders"]],
    );
    const clusters = again.respond(CDS, "9", [edsCluster("orders")]);
    assert.equal((await clusters).errorDetail, undefined);
    assert.equal(client.configuration, before, "the same content from a new server changes nothing");
  });

  test("may start after the client", async () => {
    const placeholder = await FakeAdsServer.start();
    const { port } = placeholder;
    placeholder.stop();
    const { client, clock, configuration, streamEnd } = startClient(`127.0.0.1:${port}`);
    await streamEnd();
    assert.match(client.status().servers[0]?.lastFailure?.reason ?? "", /UNAVAILABLE/);
    const server = await startServer(port);
    clock.advance(1000);
    await server.requestOf(LDS);
    await server.respond(CDS, "1", [edsCluster("orders")]);
    await server.respond(EDS, "1", [endpoints("orders", 9001)]);
    await configuration((next) => next.clusters.has("orders"));
  });
});

describe("applying", () => {
  test("configurations come at most once per interval, the last state wins", async () => {
    const server = await startServer();
    const { clock, client, configurations } = startClient(server.target, { applyIntervalMs: 50 });
    await server.requestOf(LDS);
    await server.respond(CDS, "1", [edsCluster("orders")]);
    await server.respond(EDS, "1", [endpoints("orders", 9001)]);
    assert.equal(configurations.length, 1, "the first comes at once");
    await server.respond(EDS, "2", [endpoints("orders", 9002)]);
    await server.respond(EDS, "3", [endpoints("orders", 9003)]);
    assert.equal(configurations.length, 1);
    clock.advance(50);
    assert.equal(configurations.length, 2);
    assert.deepEqual(ports(client.configuration, "orders"), [9003]);
    assert.equal(client.configuration.generation, 2);
  });

  test("static resources are in use before anything is received", () => {
    const cluster = clusterModel("orders", {
      kind: "static",
      assignment: assignmentModel("orders", "127.0.0.1:9001"),
    });
    const { client, configurations } = startClient(undefined, { clusters: [cluster] });
    assert.equal(configurations.length, 1);
    assert.deepEqual(ports(client.configuration, "orders"), [9001]);
    const { initialized, servers } = client.status();
    assert.deepEqual([initialized, servers], [true, []]);
  });

  test("a data plane that fails to apply does not stop the client", async () => {
    const server = await startServer();
    const { client } = startClient(server.target, {
      onConfiguration: () => {
        throw new Error("no");
      },
    });
    await server.requestOf(LDS);
    await server.respond(CDS, "1", [edsCluster("orders")]);
    await server.respond(EDS, "1", [endpoints("orders", 9001)]);
    const ack = await server.respond(EDS, "2", [endpoints("orders", 9002)]);
    assert.equal(ack.versionInfo, "2");
    assert.deepEqual(ports(client.configuration, "orders"), [9002]);
  });
});

function edsConfig(serviceName: string) {
  return { service_name: serviceName, eds_config: { ads: {}, resource_api_version: "V3" } };
}
