import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "dashpot-installed-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const installed = join(directory, "node_modules/dashpot");
for (const part of ["package.json", "sidecar", "xds"]) {
  const filter = (path: string): boolean => !/xds\/proto\/(gen|vendor)$/.test(path);
  cpSync(join(ROOT, part), join(installed, part), { recursive: true, filter });
}

/** One start of the installed command: what it said, and whether it loaded what strips types. */
function start(cache: string): { stdout: string; stderr: string; stripped: boolean } {
  const list = join(directory, "modules");
  const recorder = pathToFileURL(join(ROOT, "test/support/record-modules.ts"));
  const { PATH = "", HOME = "" } = process.env;
  const env = {
    PATH,
    HOME,
    NODE_COMPILE_CACHE: cache,
    NODE_OPTIONS: `--import=${recorder}`,
    LOADED_MODULES: list,
  };
  const entry = join(installed, "sidecar/dashpot.js");
  const { stdout, stderr } = spawnSync(process.execPath, [entry, "--version"], { env, encoding: "utf8" });
  return { stdout, stderr, stripped: readFileSync(list, "utf8").includes("internal/deps/amaro") };
}

test("an installed package strips types at its first start only, and again where a file has changed", () => {
  const cache = join(directory, "cache");
  const first = start(cache);
  assert.match(first.stdout, /^dashpot \d/);
  assert.deepEqual([first.stderr, first.stripped], ["", true]);
  const second = start(cache);
  assert.deepEqual(second, { ...first, stripped: false });
  appendFileSync(
    join(installed, "sidecar/main.ts"),
    'const changed: string = "changed";\nconsole.log(changed);\n',
  );
  const third = start(cache);
  assert.deepEqual(third, { stdout: `changed\n${first.stdout}`, stderr: "", stripped: true });
});

test("an installed package starts where nothing can be written", () => {
  const { stdout, stderr } = start("/dev/null/cache");
  assert.match(stdout, /dashpot \d/);
  assert.equal(stderr, "");
});
