import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Generates `gen/` from the protos in `vendor/`. With `--check` it generates elsewhere, compares, names every file that
 * differs and exits 1: generated code that was edited, or protos without their code, never get past CI.
 */
const PROTO_DIR = fileURLToPath(new URL(".", import.meta.url));
const BIN_DIR = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));
const LISTED_DIFFERENCES = 20;

const checking = process.argv.includes("--check");
const scratch = mkdtempSync(join(tmpdir(), "dashpot-proto-"));
try {
  process.exitCode = generate() && (!checking || compare()) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function generate(): boolean {
  const { PATH: path = "" } = process.env;
  const out = checking ? scratch : PROTO_DIR;
  // buf writes beside its configuration and keeps a cache: in the scratch folder both leave nothing behind.
  const run = spawnSync("buf", ["generate", "--output", out], {
    cwd: PROTO_DIR,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      PATH: `${BIN_DIR}${delimiter}${path}`,
      BUF_CACHE_DIR: join(scratch, "cache"),
    },
  });
  if (run.error) process.stderr.write(`buf did not start: ${run.error.message}; run npm ci first\n`);
  return run.status === 0;
}

function compare(): boolean {
  const fresh = files(join(scratch, "gen"));
  const committed = files(join(PROTO_DIR, "gen"));
  const differing = [...new Set([...fresh.keys(), ...committed.keys()])]
    .filter((name) => !sameContent(fresh.get(name), committed.get(name)))
    .sort();
  for (const name of differing.slice(0, LISTED_DIFFERENCES)) {
    const how = !committed.has(name) ? "missing" : fresh.has(name) ? "differs" : "has no proto";
    process.stderr.write(`xds/proto/gen/${name}: ${how}\n`);
  }
  if (differing.length === 0) return true;
  process.stderr.write(
    `${differing.length} generated files differ; run npm run generate and commit the result\n`,
  );
  return false;
}

function files(root: string): Map<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(root, path), path];
    }),
  );
}

function sameContent(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && readFileSync(a).equals(readFileSync(b));
}
