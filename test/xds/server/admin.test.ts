import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { BindError } from "../../../xds/common/bind-error.ts";
import { systemClock } from "../../../xds/common/clock.ts";
import { createLogger } from "../../../xds/common/logger.ts";
import { CDS, EDS, LDS } from "../../../xds/protocol/server-snapshot.ts";
import { type ControlServer, startControlServer } from "../../../xds/server/control-server.ts";
import { AdsClient } from "../../support/ads-client.ts";

const MESH = 'services: [{ name: orders, endpoints: ["127.0.0.1:9001"] }]\n';

describe("the control server's admin pages", () => {
  let folder: string;
  let file: string;
  let server: ControlServer;
  let client: AdsClient;

  const start = (adminAddress = "127.0.0.1:0") =>
    startControlServer({
      file,
      address: "127.0.0.1:0",
      adminAddress,
      logger: createLogger("silent"),
      clock: systemClock,
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dashpot-admin-"));
    file = join(folder, "mesh.yaml");
    await writeFile(file, MESH);
    server = await start();
    client = new AdsClient(server.address, "<img src=x>");
  });

  afterEach(async () => {
    client.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  function get(path: string, { method = "GET", host = server.adminAddress } = {}) {
    return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
      (resolve, reject) => {
        const [hostname, port] = server.adminAddress.split(":");
        request({ hostname, port, path, method, headers: { host } }, (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (chunk) => {
            body += chunk;
          });
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          );
        })
          .on("error", reject)
          .end();
      },
    );
  }

  const json = async (path: string) => JSON.parse((await get(path)).body);

  it("tell who is connected, what it was sent and why it rejects it", async () => {
    client.ask(CDS);
    await client.next();
    client.ask(CDS, { answer: "ack" });
    client.ask(EDS, { names: ["orders"] });
    await client.next();
    client.ask(EDS, { names: ["orders"], answer: "nack", reason: "orders: endpoints[0]: too far away" });
    client.ask(LDS);
    await client.next();
    const { clients } = await json("/clients");
    assert.equal(clients.length, 1);
    assert.equal(clients[0].node.id, "<img src=x>");
    assert.match(clients[0].address, /^127\.0\.0\.1:\d+$/);
    assert.equal(clients[0].rejections, 1);
    assert.equal(clients[0].types.cds.state, "accepted");
    assert.equal(clients[0].types.cds.accepted.version, clients[0].types.cds.sent.version);
    assert.equal(clients[0].types.eds.state, "rejected");
    assert.equal(clients[0].types.eds.rejected.reason, "orders: endpoints[0]: too far away");
    assert.equal(clients[0].types.lds.state, "awaiting answer");
  });

  it("tell what is served", async () => {
    const { types } = await json("/snapshot");
    assert.deepEqual(
      types.cds.resources.map(({ name }: { name: string }) => name),
      ["orders"],
    );
    const { resources } = await json("/resources?type=eds&name=orders");
    assert.equal(resources.length, 1);
    assert.equal(
      resources[0].resource.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value,
      9001,
    );
  });

  it("tell why the file as it stands is not served", async () => {
    await writeFile(file, "services: [{ name: orders, endpoint: [] }]\n");
    await server.reload();
    const { rejected, version } = await json("/mesh");
    assert.match(
      rejected.errors.join("\n"),
      /mesh\.yaml:1:28 services\[0\]\.endpoint: unknown key "endpoint"/,
    );
    assert.equal(version, (await json("/snapshot")).version);
    assert.match((await get("/")).body, /is not served/);
    await writeFile(file, MESH);
    await server.reload();
    assert.equal((await json("/mesh")).rejected, null);
  });

  it("escape what clients say, run no script and forbid everything but their own style", async () => {
    client.ask(LDS);
    await client.next();
    const { body, headers } = await get("/");
    assert.match(body, /&lt;img src=x&gt;/);
    assert.doesNotMatch(body, /<img|<script/);
    assert.match(String(headers["content-security-policy"]), /^default-src 'none'; style-src 'sha256-/);
  });

  it("answer probes", async () => {
    assert.equal((await get("/ready")).status, 200);
    assert.equal((await get("/live")).status, 200);
  });

  it("refuse a Host that a web site could have pointed at this machine", async () => {
    assert.equal((await get("/", { host: "evil.example:18001" })).status, 403);
    assert.equal((await get("/", { host: "localhost:18001" })).status, 200);
    assert.equal((await get("/", { host: "[::1]:18001" })).status, 200);
  });

  it("can only be read", async () => {
    const { status, headers } = await get("/clients", { method: "POST" });
    const { allow } = headers;
    assert.equal(status, 405);
    assert.equal(allow, "GET, HEAD");
    assert.equal((await get("/nothing")).status, 404);
  });

  it("are not served to other machines", async () => {
    await assert.rejects(
      start("0.0.0.0:0"),
      (error) => error instanceof BindError && /loopback/.test(error.message),
    );
  });

  it("say which address is taken", async () => {
    await assert.rejects(
      start(server.adminAddress),
      (error) => error instanceof BindError && /EADDRINUSE/.test(error.message),
    );
  });
});
