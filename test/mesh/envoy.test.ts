import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import test from "node:test";
import type { RunningCommand } from "../support/command.ts";
import { startEnvoy, whyNoEnvoy } from "../support/envoy.ts";
import { call } from "../support/http-call.ts";
import { backend, control, layMesh, type Mesh, writeBootstrap } from "../support/mesh-bed.ts";

const skip = whyNoEnvoy() ?? false;

interface Subscription {
  readonly state: string;
  readonly rejected: { readonly reason: string } | null;
}

/** How far the one client of a control server has come, by type. */
async function subscriptions(
  server: RunningCommand,
): Promise<Partial<Record<"cds" | "eds" | "lds" | "rds", Subscription>>> {
  const [, admin = ""] = await server.said(/"admin":"127\.0\.0\.1:(\d+)"/);
  const { body } = await call({ port: Number(admin), host: "localhost", path: "/clients" });
  return JSON.parse(body).clients[0].types;
}

async function untilAnswer(mesh: Mesh, body: string): Promise<void> {
  for (const end = performance.now() + 10_000; ; ) {
    const answer = await call({ port: mesh.listener });
    assert.equal(answer.status, 200);
    if (answer.body === body) return;
    assert.ok(performance.now() < end, `no answer is ${body}`);
  }
}

test("Envoy takes the mesh from the control server, follows its changes, and is heard when it refuses one", {
  skip,
}, async (t) => {
  const [a, b, c] = [await backend(t, "a"), await backend(t, "b"), await backend(t, "c")];
  const mesh = await layMesh(t, [a.port]);
  const server = await control(t, mesh);
  await startEnvoy(t, await writeBootstrap(mesh), mesh.listener);
  await untilAnswer(mesh, "a");

  const text = await readFile(mesh.file, "utf8");
  await writeFile(mesh.file, text.replace(String(a.port), String(b.port)));
  await untilAnswer(mesh, "b");

  // Envoy has no such policy, and nothing that it has stands behind.
  const lonely = [
    "resources:",
    '  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster',
    "    name: lonely",
    "    load_balancing_policy:",
    "      policies:",
    "        - typed_extension_config:",
    "            name: dashpot.adaptive",
    "            typed_config:",
    '              "@type": type.googleapis.com/xds.type.v3.TypedStruct',
    "              type_url: type.googleapis.com/dashpot.v1.Adaptive",
    "    load_assignment: { cluster_name: lonely }",
    "",
  ];
  await appendFile(mesh.file, lonely.join("\n"));
  await server.said(/"reason":"[^"]*\blonely\b.*a client rejects what it was sent/);
  assert.match((await subscriptions(server)).cds?.rejected?.reason ?? "", /lonely.*dashpot\.adaptive/);

  await writeFile(mesh.file, text.replace(String(a.port), String(c.port)));
  await untilAnswer(mesh, "c");
  while ((await subscriptions(server)).cds?.rejected) await new Promise(setImmediate);
});

test("Envoy accepts what the words of a mesh file become", { skip }, async (t) => {
  const { port } = await backend(t, "a");
  const mesh = await layMesh(t, []);
  const policies = ["adaptive", "round_robin", "least_request", "random", "peak_ewma"];
  const hashing = ["ring_hash", "maglev"];
  const service = (name: string, more: string): string =>
    `  - { name: ${name}, endpoints: [127.0.0.1:${port}], ${more} }`;
  const text = [
    "services:",
    ...policies.map((policy) => service(policy.replaceAll("_", "-"), `policy: ${policy}`)),
    ...hashing.map((policy) =>
      service(
        policy.replaceAll("_", "-"),
        `policy: ${policy}, hash_on: [{ cookie: c, ttl: 1h }, { header: x-user }]`,
      ),
    ),
    service("weighted", "policy: { name: client_side_weighted_round_robin, blackout_period: 1s }"),
    service("checked", 'health_checks: [{ path: /, host: checked, expected_statuses: ["200-299"] }]'),
    service("detected", "outlier_detection: { consecutive_5xx: 3 }, circuit_breakers: { max_requests: 9 }"),
    service("second", "protocol: http2"),
    "  - name: orders",
    `    endpoints: [{ address: "127.0.0.1:${port}", zone: a, weight: 2 }, { address: "127.0.0.1:9", priority: 1, health: draining }]`,
    "    retries: { max: 2, on: [5xx], per_try_timeout: 1s, backoff: 25ms, status_codes: [503] }",
    "    routes:",
    '      - match: { prefix: /v2/, method: GET, headers: { x-tester: "yes", x-a: { regex: "a+", invert: true } }, query: { q: { present: true } } }',
    "        split: { orders: 95, adaptive: 5 }",
    "        rewrite: { prefix: /, host: other }",
    "      - match: { exact: /old }",
    "        redirect: { path: /new, status: 308 }",
    "      - match: { regex: '/(debug|internal)(/.*)?' }",
    '        respond: { status: 403, body: "no" }',
    "listeners:",
    `  - { name: outbound, address: "127.0.0.1:${mesh.listener}" }`,
    "",
  ];
  await writeFile(mesh.file, text.join("\n"));
  const server = await control(t, mesh);
  await startEnvoy(t, await writeBootstrap(mesh), mesh.listener);
  assert.equal((await call({ port: mesh.listener })).body, "a");
  assert.equal((await call({ port: mesh.listener, path: "/debug" })).status, 403);
  for (const [type, { rejected }] of Object.entries(await subscriptions(server))) {
    assert.equal(rejected, null, type);
  }
});
