import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import pino from "pino";
import { systemClock } from "../../../xds/common/clock.ts";
import { createLogger } from "../../../xds/common/logger.ts";
import { ClusterLoadAssignmentSchema } from "../../../xds/proto/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import type { DiscoveryResponse } from "../../../xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js";
import { CDS, EDS, LDS, RDS } from "../../../xds/protocol/server-snapshot.ts";
import {
  type ControlServer,
  type ControlServerOptions,
  MeshFileError,
  startControlServer,
} from "../../../xds/server/control-server.ts";
import { AdsClient } from "../../support/ads-client.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A mesh of services, each with endpoints on these ports. */
function mesh(services: Readonly<Record<string, readonly number[]>>): string {
  return [
    "services:",
    ...Object.entries(services).flatMap(([name, ports]) => [
      `  - name: ${name}`,
      `    endpoints: [${ports.map((port) => `"127.0.0.1:${port}"`).join(", ")}]`,
    ]),
  ].join("\n");
}

function ports({ resources }: DiscoveryResponse): number[] {
  return resources.flatMap((resource) =>
    fromBinary(ClusterLoadAssignmentSchema, resource.value).endpoints.flatMap(({ lbEndpoints }) =>
      lbEndpoints.map(({ hostIdentifier }) => {
        const address =
          hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
        const specifier = address?.case === "socketAddress" ? address.value.portSpecifier : undefined;
        return specifier?.case === "portValue" ? specifier.value : 0;
      }),
    ),
  );
}

async function clientsOf({ adminAddress }: ControlServer): Promise<unknown[]> {
  const response = await fetch(`http://${adminAddress}/clients`);
  const { clients } = (await response.json()) as { clients: unknown[] };
  return clients;
}

describe("the control server", () => {
  let folder: string;
  let file: string;
  let server: ControlServer;
  const clients: AdsClient[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dashpot-control-"));
    file = join(folder, "mesh.yaml");
    await writeFile(file, mesh({ orders: [9001, 9002] }));
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<ControlServerOptions> = {}): Promise<AdsClient> {
    server = await startControlServer({
      file,
      address: "127.0.0.1:0",
      adminAddress: "127.0.0.1:0",
      logger: createLogger("silent"),
      clock: systemClock,
      debounceMs: 1,
      ...options,
    });
    return connect();
  }

  function connect(node?: string): AdsClient {
    const client = new AdsClient(server.address, node);
    clients.push(client);
    return client;
  }

  async function change(text: string): Promise<void> {
    await writeFile(file, text);
    await server.reload();
  }

  it("serves a mesh file to a client that asks in turn for listeners, routes, clusters and endpoints", async () => {
    const client = await start();
    client.ask(LDS);
    const listeners = await client.next();
    assert.equal(listeners.typeUrl, LDS);
    assert.equal(listeners.resources.length, 1);
    assert.equal(listeners.resources[0]?.typeUrl, LDS);
    client.ask(LDS, { answer: "ack" });
    client.ask(RDS, { names: ["outbound"] });
    assert.equal((await client.next()).typeUrl, RDS);
    client.ask(CDS);
    assert.equal((await client.next()).resources.length, 1);
    client.ask(EDS, { names: ["orders"] });
    assert.deepEqual(ports(await client.next()), [9001, 9002]);
  });

  it("warns when other hosts can reach it", async () => {
    const logged: string[] = [];
    const write = (line: string): number => logged.push(JSON.parse(line).msg);
    await start({ address: "0.0.0.0:0", logger: pino({ level: "warn" }, { write }) });
    assert.match(logged.join(), /plain text to every host/);
    await server.close();
    logged.length = 0;
    await start({ logger: pino({ level: "warn" }, { write }) });
    assert.deepEqual(logged, []);
  });

  it("sends endpoints before the clusters are accepted", async () => {
    const client = await start();
    client.ask(CDS);
    await client.next();
    client.ask(EDS, { names: ["orders"] });
    assert.equal((await client.next()).typeUrl, EDS);
  });

  it("sends changed endpoints alone, at once", async () => {
    const client = await start();
    client.ask(CDS);
    await client.next();
    client.ask(CDS, { answer: "ack" });
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: ["orders"], answer: "ack" });
    await change(mesh({ orders: [9003] }));
    const response = await client.next();
    assert.equal(response.typeUrl, EDS);
    assert.deepEqual(ports(response), [9003]);
  });

  it("takes a removed cluster away after a bounded wait from a client that never answers on its routes", async () => {
    await writeFile(file, mesh({ orders: [9001], old: [9002] }));
    const clock = new FakeClock();
    const client = await start({ clock });
    client.ask(CDS);
    assert.equal((await client.next()).resources.length, 2);
    client.ask(CDS, { answer: "ack" });
    client.ask(RDS, { names: ["outbound"] });
    await client.next();
    client.ask(RDS, { names: ["outbound"], answer: "ack" });
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    await change(mesh({ orders: [9001] }));
    assert.equal((await client.next()).typeUrl, RDS);
    assert.equal(client.untaken, 0);
    clock.advance(5_000);
    const clusters = await client.next();
    assert.equal(clusters.typeUrl, CDS);
    assert.equal(clusters.resources.length, 1);
  });

  it("forgets a client that is gone, and its timers", async () => {
    const clock = new FakeClock();
    const client = await start({ clock });
    client.ask(LDS);
    await client.next();
    const idle = clock.pending;
    client.close();
    await client.ended;
    while ((await clientsOf(server)).length > 0) await new Promise(setImmediate);
    assert.equal(clock.pending, idle);
  });

  it("does not send what a client rejected until it changes", async () => {
    const client = await start();
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: ["orders"], answer: "nack" });
    // A later answer of another type shows that nothing was sent in between.
    client.ask(LDS);
    assert.equal((await client.next()).typeUrl, LDS);
    await change(mesh({ orders: [9004] }));
    assert.deepEqual(ports(await client.next()), [9004]);
  });

  it("answers a repeated request for the endpoints of a cluster that changed", async () => {
    const client = await start();
    client.ask(CDS);
    await client.next();
    client.ask(CDS, { answer: "ack" });
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: ["orders"], answer: "ack" });
    await change(`${mesh({ orders: [9001, 9002] })}\n    connect_timeout: 1s\n`);
    assert.equal((await client.next()).typeUrl, CDS);
    client.ask(EDS, { names: ["orders"], answer: "ack" });
    assert.deepEqual(ports(await client.next()), [9001, 9002]);
  });

  it("sends nothing more to a client that has unsubscribed from everything", async () => {
    const client = await start();
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: [], answer: "ack" });
    await change(mesh({ orders: [9005] }));
    client.ask(LDS);
    assert.equal((await client.next()).typeUrl, LDS);
    assert.equal(client.untaken, 0);
  });

  it("ends a stream whose request names no type with INVALID_ARGUMENT", async () => {
    const client = await start();
    client.ask("");
    assert.match(await client.ended, /^INVALID_ARGUMENT: type_url is empty/);
  });

  it("keeps a stream that asks for an unknown type", async () => {
    const client = await start();
    client.ask("type.googleapis.com/envoy.service.runtime.v3.Runtime", { names: ["x"] });
    client.ask(LDS);
    assert.equal((await client.next()).typeUrl, LDS);
  });

  it("ends a stream that carries no protobuf, and no other", async () => {
    const client = await start();
    client.ask(LDS);
    await client.next();
    const other = connect();
    other.sendBytes(Buffer.from([0xff, 0xff, 0xff]));
    assert.match(await other.ended, /^INTERNAL/);
    client.ask(CDS);
    assert.equal((await client.next()).typeUrl, CDS);
  });

  it("ends a stream whose request is larger than its bound", async () => {
    const client = await start({ maxRequestBytes: 1_000 });
    client.ask(EDS, { names: Array.from({ length: 100 }, (_, i) => `service-${i}`) });
    assert.match(await client.ended, /^RESOURCE_EXHAUSTED/);
  });

  it("ends all streams when it closes, so that clients look for another", async () => {
    const client = await start();
    client.ask(LDS);
    await client.next();
    await server.close();
    assert.match(await client.ended, /^UNAVAILABLE/);
  });

  it("turns away the stream after the last one it has room for", async () => {
    const client = await start({ maxStreams: 1 });
    client.ask(LDS);
    await client.next();
    const second = connect();
    assert.match(await second.ended, /^RESOURCE_EXHAUSTED/);
    client.ask(CDS);
    assert.equal((await client.next()).typeUrl, CDS);
  });

  it("gives equal content equal versions on every replica", async () => {
    const client = await start();
    client.ask(CDS);
    const { versionInfo } = await client.next();
    await server.close();
    const again = await start();
    again.ask(CDS);
    assert.equal((await again.next()).versionInfo, versionInfo);
  });

  it("keeps serving the last good file when the file breaks, and takes it up again when it is mended", async () => {
    const client = await start();
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: ["orders"], answer: "ack" });
    await change("services: [");
    await rm(file);
    await server.reload();
    const other = connect();
    other.ask(EDS, { names: ["orders"] });
    assert.deepEqual(ports(await other.next()), [9001, 9002]);
    await change(mesh({ orders: [9006] }));
    assert.deepEqual(ports(await client.next()), [9006]);
  });

  it("notices by itself that the file was replaced", async () => {
    const client = await start();
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: ["orders"], answer: "ack" });
    await writeFile(`${file}.new`, mesh({ orders: [9007] }));
    await rename(`${file}.new`, file);
    assert.deepEqual(ports(await client.next()), [9007]);
  });

  it("notices by itself that the link beside the file was swapped, as Kubernetes does", async () => {
    const volume = join(folder, "volume");
    for (const [version, port] of [
      ["..v1", 9001],
      ["..v2", 9008],
    ] as const) {
      await mkdir(join(volume, version), { recursive: true });
      await writeFile(join(volume, version, "mesh.yaml"), mesh({ orders: [port] }));
    }
    await symlink("..v1", join(volume, "..data"));
    await symlink("..data/mesh.yaml", join(volume, "mesh.yaml"));
    file = join(volume, "mesh.yaml");
    const client = await start();
    client.ask(EDS, { names: ["orders"] });
    assert.deepEqual(ports(await client.next()), [9001]);
    client.ask(EDS, { names: ["orders"], answer: "ack" });
    await symlink("..v2", join(volume, "..data_tmp"));
    await rename(join(volume, "..data_tmp"), join(volume, "..data"));
    assert.deepEqual(ports(await client.next()), [9008]);
  });

  it("refuses to start on a file with errors and says where they are", async () => {
    await writeFile(file, "services:\n  - name: orders\n    endpoint: []\n");
    await assert.rejects(start(), (error) => {
      assert.ok(error instanceof MeshFileError);
      assert.match(
        error.message,
        /mesh\.yaml:3:5 services\[0\]\.endpoint: unknown key "endpoint" \(did you mean "endpoints"\?\)/,
      );
      return true;
    });
  });
});
