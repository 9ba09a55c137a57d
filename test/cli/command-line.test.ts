import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { RunningCommand } from "../support/command.ts";

const ROOT = join(import.meta.dirname, "../..");

async function run(...args: string[]): Promise<RunningCommand & { code: number | null }> {
  const command = new RunningCommand(args);
  const code = await command.exitCode();
  return Object.assign(command, { code });
}

test("a Node that is too old is told so in one line, with exit code 2", () => {
  const pretendOld = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });`;
  const result = spawnSync(
    process.execPath,
    [
      "--import",
      `data:text/javascript,${encodeURIComponent(pretendOld)}`,
      join(ROOT, "sidecar/dashpot.js"),
      "demo",
    ],
    { encoding: "utf8" },
  );
  assert.equal(result.status, 2);
  assert.match(result.stderr, /^dashpot: needs Node 24 or newer.*\n$/);
});

test("--help lists every command and each command tells its options", async () => {
  const overview = await run("--help");
  assert.equal(overview.code, 0);
  const names = [
    "sidecar",
    "control",
    "validate",
    "demo",
    "simulate",
    "explain",
    "endpoints",
    "decisions",
    "wait",
    "healthcheck",
  ];
  for (const name of names) {
    assert.match(overview.stdout, new RegExp(`^  ${name} `, "m"));
    const help = await run(name, "--help");
    assert.equal(help.code, 0);
    assert.match(help.stdout, new RegExp(`Usage: dashpot ${name}`));
    assert.match(help.stdout, /Exit codes/);
  }
});

test("a misspelt command or option is answered with the nearest one and exit code 2", async () => {
  const command = await run("sidcar");
  assert.equal(command.code, 2);
  assert.match(command.stderr, /did you mean "sidecar"/);
  const option = await run("control", "--adress", "x");
  assert.equal(option.code, 2);
  assert.match(option.stderr, /did you mean "--address"/);
});

test("help for a command can be asked for either way, and tells what signals do", async () => {
  const { code, stdout } = await run("help", "sidecar");
  assert.equal(code, 0);
  assert.equal(stdout, (await run("sidecar", "--help")).stdout);
  assert.match(stdout, /SIGTERM .*drain_deadline/);
  assert.match(stdout, /SIGHUP {2}.*access log/);
  assert.match((await run("control", "--help")).stdout, /SIGHUP {3}read the mesh file now/);
});

test("an address that is none is a usage error wherever one is asked for", async () => {
  for (const args of [
    ["sidecar", "--xds", "http://control"],
    ["control", "-c", "mesh.yaml", "--address", "18000"],
    ["wait", "--admin", "x:y"],
    ["endpoints", "--admin", "localhost"],
  ]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^dashpot: --(xds|address|admin) .*, not "/);
  }
  const nothing = await run("sidecar");
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /nothing says where the configuration comes from/);
});

test("a file that is not there is a configuration error, exit code 3", async () => {
  for (const command of ["sidecar", "control", "validate"]) {
    const { code, stderr } = await run(command, "-c", "/nowhere/at-all.yaml");
    assert.equal(code, 3, stderr);
    assert.match(stderr, /at-all\.yaml/);
  }
});

test("an address that is taken ends the command with exit code 4", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const mesh = join(ROOT, "examples/mesh.yaml");
  const { code, stderr } = await run(
    "control",
    "-c",
    mesh,
    "--address",
    `127.0.0.1:${port}`,
    "--admin",
    "127.0.0.1:0",
  );
  assert.equal(code, 4, stderr);
  assert.match(stderr, /cannot listen on/);
});

test("a port of the sidecar's own file that is taken is told once, with exit code 4", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const directory = mkdtempSync(join(tmpdir(), "dashpot-taken-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const example = readFileSync(join(ROOT, "examples/static.yaml"), "utf8");
  const file = join(directory, "static.yaml");
  writeFileSync(file, example.replace("port_value: 15000", "port_value: 0").replace("15001", String(port)));
  const { code, stderr } = await run("sidecar", "-c", file);
  assert.equal(code, 4, stderr);
  assert.match(stderr, new RegExp(`^dashpot: cannot listen on 127\\.0\\.0\\.1:${port}: EADDRINUSE$`, "m"));
});

test("the examples are valid", async () => {
  for (const file of ["mesh.yaml", "sidecar.yaml", "static.yaml"]) {
    const { code, stderr } = await run("validate", "--strict", "-c", join(ROOT, "examples", file));
    assert.equal(code, 0, stderr);
  }
});

test("healthcheck and wait fail with the reason where no sidecar answers", async () => {
  const healthcheck = await run("healthcheck", "--admin", "127.0.0.1:1");
  assert.equal(healthcheck.code, 1);
  assert.match(healthcheck.stderr, /no sidecar answers at 127\.0\.0\.1:1/);
  const wait = await run("wait", "--timeout", "0.3", "--admin", "127.0.0.1:1");
  assert.equal(wait.code, 1);
  assert.match(wait.stderr, /not ready within 0\.3 s/);
});

test("an admin that asks for a token answers the command that shows it, and tells the others so", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "dashpot-token-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const token = join(folder, "token");
  await writeFile(token, "s3cret\n");
  const bootstrap = join(folder, "bootstrap.yaml");
  await writeFile(
    bootstrap,
    `admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\ndashpot: { admin_token_file: ${token} }\n`,
  );
  const sidecar = new RunningCommand(["sidecar", "-c", bootstrap]);
  t.after(() => sidecar.kill());
  const [, address = ""] = await sidecar.said(/"address":"([^"]+)","msg":"the admin listens"/);
  const shown = await run("healthcheck", "--admin", address, "--admin-token-file", token);
  assert.equal(shown.code, 0, shown.stderr);
  const hidden = await run("healthcheck", "--admin", address);
  assert.equal(hidden.code, 1);
  assert.match(hidden.stderr, /token/);
});
