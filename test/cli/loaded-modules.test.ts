import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { RunningCommand } from "../support/command.ts";

/** Modules are most of what a fresh sidecar holds and of the time until it is ready, so what is not used must not be loaded. */

const directory = mkdtempSync(join(tmpdir(), "dashpot-modules-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const list = join(directory, "modules");
const recorder = pathToFileURL(join(import.meta.dirname, "../support/record-modules.ts"));

function recorded(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
  return new RunningCommand(args, {
    ...env,
    NODE_OPTIONS: `--import=${recorder}`,
    LOADED_MODULES: list,
  });
}

/** Packages, and Node's own copy of undici: none is cheap, this one is the dearest. */
function loadedPackages(): Set<string> {
  const text = readFileSync(list, "utf8");
  const names = text.matchAll(/\/node_modules\/((?:@[^/]+\/)?[^/]+)|(internal\/deps\/undici)/g);
  return new Set(Array.from(names, ([, name, internal]) => name ?? internal ?? ""));
}

async function packagesOfSidecar(env: Readonly<Record<string, string>> = {}): Promise<Set<string>> {
  const file = join(directory, "bootstrap.yaml");
  writeFileSync(
    file,
    "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\nstatic_resources: {}\n",
  );
  const sidecar = recorded(["sidecar", "-c", file], env);
  await sidecar.said(/"ready"/);
  sidecar.signal("SIGTERM");
  assert.equal(await sidecar.exitCode(), 0);
  return loadedPackages();
}

test("a health check loads nothing but Dashpot's own files", async () => {
  const healthcheck = recorded(["healthcheck", "--admin", "127.0.0.1:1"]);
  assert.equal(await healthcheck.exitCode(), 1);
  assert.deepEqual([...loadedPackages()], []);
});

test("a sidecar without control server, collector and health checks loads no gRPC, no OpenTelemetry and no HTTP client", async () => {
  const packages = await packagesOfSidecar();
  const needless = [...packages].filter((name) => /grpc|opentelemetry|undici/.test(name));
  assert.deepEqual(needless, []);
  assert.ok(packages.has("pino"), "what is loaded is seen");
});

test("a sidecar that exports spans loads OpenTelemetry and still no HTTP client of Node's own", async () => {
  const packages = await packagesOfSidecar({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
  assert.ok(packages.has("@opentelemetry/exporter-trace-otlp-proto"));
  assert.ok(!packages.has("internal/deps/undici"));
});
