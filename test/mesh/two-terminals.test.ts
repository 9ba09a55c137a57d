import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { call } from "../support/http-call.ts";
import { backend, control, layMesh, ready, sidecar, writeMesh } from "../support/mesh-bed.ts";

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

test("the example files work together, with a listener for gRPC clients beside the sidecar's own", async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, []);
  const example = await readFile(join(import.meta.dirname, "../../examples/mesh.yaml"), "utf8");
  const ours = example
    .replace(/- 127\.0\.0\.1:9001\n/, `- 127.0.0.1:${port}\n`)
    .replaceAll(/ +- 127\.0\.0\.1:900[23]\n/g, "")
    .replace("127.0.0.1:15001\n", `127.0.0.1:${mesh.listener}\n`);
  await writeFile(mesh.file, ours);
  await control(t, mesh);
  await ready(await sidecar(t, mesh, { DASHPOT_OUTBOUND_ADDRESS: `127.0.0.1:${mesh.listener}` }));
  assert.equal((await call({ port: mesh.listener })).body, "a");
});

test("the sidecar's dump holds, in Envoy's messages, what the bootstrap says and the control server delivered", async (t) => {
  const mesh = await layMesh(t, [9]);
  await control(t, mesh);
  const running = await sidecar(t, mesh);
  const [, admin = ""] = await running.said(/"address":"127\.0\.0\.1:(\d+)","msg":"the admin listens"/);
  await ready(running);
  const dump = async (resource: string): Promise<string> => {
    const path = `/config_dump?include_eds&resource=${resource}`;
    return (await call({ port: Number(admin), host: "localhost", path })).body;
  };
  assert.match(await dump("static_clusters"), /"name": "control"/);
  assert.match(await dump("dynamic_active_clusters"), /"name": "orders",\s+"type": "EDS"/);
  assert.match(await dump("dynamic_listeners"), new RegExp(`"port_value": ${mesh.listener}`));
  assert.match(await dump("dynamic_route_configs"), /"domains": \[\s+"orders"/);
  assert.match(await dump("dynamic_endpoint_configs"), /"port_value": 9\b/);
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
  running.signal("SIGHUP");
  await running.said(/SIGHUP: the access log is opened anew; configuration is not read again/);
  running.signal("SIGTERM");
  await running.said(/asked to end: serving on until the application is quiet/);
  assert.equal(await running.exitCode(), 0);
});
