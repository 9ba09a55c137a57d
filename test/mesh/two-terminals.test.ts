import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { RunningCommand } from "../support/command.ts";
import { freePort } from "../support/free-port.ts";
import { call } from "../support/http-call.ts";

interface Mesh {
  readonly folder: string;
  readonly file: string;
  readonly listener: number;
  readonly xds: number;
}

async function backend(t: TestContext, name: string): Promise<{ port: number; server: Server }> {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

async function layMesh(t: TestContext, endpoints: readonly number[]): Promise<Mesh> {
  const folder = await mkdtemp(join(tmpdir(), "dashpot-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const mesh = { folder, file: join(folder, "mesh.yaml"), listener: await freePort(), xds: await freePort() };
  await writeMesh(mesh, endpoints);
  return mesh;
}

function writeMesh({ file, listener }: Mesh, endpoints: readonly number[]): Promise<void> {
  return writeFile(
    file,
    [
      "services:",
      "  - name: orders",
      "    domains: [orders]",
      "    endpoints:",
      ...endpoints.map((port) => `      - address: 127.0.0.1:${port}`),
      "listeners:",
      "  - name: outbound",
      `    address: 127.0.0.1:${listener}`,
      "",
    ].join("\n"),
  );
}

async function control(t: TestContext, mesh: Mesh): Promise<RunningCommand> {
  const running = new RunningCommand([
    "control",
    "-c",
    mesh.file,
    "--address",
    `127.0.0.1:${mesh.xds}`,
    "--admin",
    "127.0.0.1:0",
  ]);
  t.after(() => running.kill());
  await running.said(/the control server is up/);
  return running;
}

/** A sidecar made of the bootstrap that the examples show, on ports of this test. */
async function sidecar(t: TestContext, mesh: Mesh): Promise<RunningCommand> {
  const example = await readFile(join(import.meta.dirname, "../../examples/sidecar.yaml"), "utf8");
  const file = join(mesh.folder, "sidecar.yaml");
  await writeFile(
    file,
    example
      .replace("port_value: 18000", `port_value: ${mesh.xds}`)
      .replace("port_value: 15000", "port_value: 0"),
  );
  const running = new RunningCommand(["sidecar", "-c", file]);
  t.after(() => running.kill());
  await running.said(/"msg":"the admin listens"/);
  return running;
}

async function ready(running: RunningCommand): Promise<void> {
  await running.said(/"msg":"ready"/);
}

test("calls by Host and through the sidecar as HTTP proxy both reach a backend", async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, [port]);
  await control(t, mesh);
  await ready(await sidecar(t, mesh));
  const byHost = await call({ port: mesh.listener });
  assert.deepEqual([byHost.status, byHost.body], [200, "a"]);
  const byProxy = await call({ port: mesh.listener, path: "http://orders/", host: "somewhere-else" });
  assert.deepEqual([byProxy.status, byProxy.body], [200, "a"]);
  const unknown = await call({ port: mesh.listener, host: "payments" });
  assert.equal(unknown.status, 404);
});

test("edited endpoints take over within a second and no call fails", async (t) => {
  const a = await backend(t, "a");
  const b = await backend(t, "b");
  const mesh = await layMesh(t, [a.port]);
  await control(t, mesh);
  await ready(await sidecar(t, mesh));
  assert.equal((await call({ port: mesh.listener })).body, "a");
  await writeMesh(mesh, [b.port]);
  const editedAt = performance.now();
  for (;;) {
    const answer = await call({ port: mesh.listener });
    assert.equal(answer.status, 200);
    if (answer.body === "b") break;
    assert.ok(performance.now() - editedAt < 10_000, "traffic did not move");
  }
  t.diagnostic(`traffic moved ${Math.round(performance.now() - editedAt)} ms after the edit`);
});

test("a broken mesh file is reported with its place and changes nothing", async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, [port]);
  const server = await control(t, mesh);
  await ready(await sidecar(t, mesh));
  const text = await readFile(mesh.file, "utf8");
  await writeFile(mesh.file, text.replace("domains:", "domians:"));
  await server.said(/mesh\.yaml:3:5 .*domians.*did you mean \\"domains\\"/);
  assert.equal((await call({ port: mesh.listener })).body, "a");
});

test("no call fails while the control server is killed and started again", async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, [port]);
  const first = await control(t, mesh);
  const running = await sidecar(t, mesh);
  await ready(running);
  await first.kill();
  await running.said(/lost|closed|ended|unreachable|UNAVAILABLE/i);
  for (let i = 0; i < 20; i++) assert.equal((await call({ port: mesh.listener })).status, 200);
  await control(t, mesh);
  for (let i = 0; i < 20; i++) assert.equal((await call({ port: mesh.listener })).status, 200);
});

test("a sidecar that starts before its control server serves as soon as that is there", async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, [port]);
  const running = await sidecar(t, mesh);
  await control(t, mesh);
  await ready(running);
  assert.equal((await call({ port: mesh.listener })).body, "a");
});

test("a sidecar that is asked to end drains and exits with 0", async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, [port]);
  await control(t, mesh);
  const running = await sidecar(t, mesh);
  await ready(running);
  assert.equal((await call({ port: mesh.listener })).body, "a");
  running.signal("SIGTERM");
  assert.equal(await running.exitCode(), 0);
});
