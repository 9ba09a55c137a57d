import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/**
 * Generates `gen/` from the protos in `vendor/`. With `--check` it only compares, names every file that differs and exits 1:
 * generated code that was edited, or protos without their code, never get past CI.
 */
const PROTO_DIR = fileURLToPath(new URL(".", import.meta.url));
const GEN_DIR = join(PROTO_DIR, "gen");
const MODULES_DIR = fileURLToPath(new URL("../../node_modules", import.meta.url));
const LISTED_DIFFERENCES = 20;

// Inside node_modules, so that what is generated there finds its runtime.
mkdirSync(join(MODULES_DIR, ".cache"), { recursive: true });
const scratch = mkdtempSync(join(MODULES_DIR, ".cache", "dashpot-proto-"));
const fresh = join(scratch, "gen");
try {
  process.exitCode = (await generate()) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function generate(): Promise<boolean> {
  if (!runBuf()) return false;
  const sources = [...files(fresh).values()].filter((path) => path.endsWith("_pb.js")).sort();
  writeFileSync(join(fresh, "descriptors.binpb"), await descriptorSet(sources));
  for (const path of sources) writeFileSync(path, withSharedDescriptors(path, readFileSync(path, "utf8")));
  if (process.argv.includes("--check")) return compare();
  rmSync(GEN_DIR, { recursive: true, force: true });
  renameSync(fresh, GEN_DIR);
  return true;
}

function runBuf(): boolean {
  const { PATH: path = "" } = process.env;
  const run = spawnSync("buf", ["generate", "--output", scratch], {
    cwd: PROTO_DIR,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      PATH: `${join(MODULES_DIR, ".bin")}${delimiter}${path}`,
      BUF_CACHE_DIR: join(scratch, "cache"),
    },
  });
  if (run.error) process.stderr.write(`buf did not start: ${run.error.message}; run npm ci first\n`);
  return run.status === 0;
}

/** The descriptors of all generated files and what they import, each after its own imports. */
async function descriptorSet(sources: readonly string[]): Promise<Uint8Array> {
  const found = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    if (found.has(file.proto.name)) return;
    file.dependencies.forEach(add);
    found.set(file.proto.name, file);
  };
  for (const path of sources) {
    const exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exported))
      if (name.startsWith("file_")) add(value as DescFile);
  }
  const file = [...found.values()].map(({ proto }) => proto);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}

/** Generated code takes its descriptor from the one set (see file-descriptors.ts) and no longer imports its neighbours'. */
function withSharedDescriptors(path: string, code: string): string {
  const proto = /^\/\/ @generated from file (\S+)/m.exec(code)?.[1];
  const shared = `${"../".repeat(relative(fresh, path).split("/").length)}file-descriptors.ts`;
  return code
    .replace(/^import \{ (?:file_\w+(?:, )?)+ \} from ".*";\n/gm, "")
    .replace(/fileDesc\("[^"]*"(?:, \[[^\]]*\])?\)/, `fileDescriptor("${proto}")`)
    .replace(
      /^import \{ (.*?)fileDesc(?:, (.*?))? \} from (".*");$/m,
      (_, before: string, after: string | undefined, from) => {
        const names = `${before}${after ?? ""}`.replace(/, $/, "");
        const own = names === "" ? "" : `import { ${names} } from ${from};\n`;
        return `${own}import { fileDescriptor } from "${shared}";`;
      },
    );
}

function compare(): boolean {
  const wanted = files(fresh);
  const committed = files(GEN_DIR);
  const differing = [...new Set([...wanted.keys(), ...committed.keys()])]
    .filter((name) => !sameContent(wanted.get(name), committed.get(name)))
    .sort();
  for (const name of differing.slice(0, LISTED_DIFFERENCES)) {
    const how = !committed.has(name) ? "missing" : wanted.has(name) ? "differs" : "has no proto";
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
