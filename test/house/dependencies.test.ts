import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly version?: string; readonly optionalDependencies?: Readonly<Record<string, string>> }
    >
  >;
}

/** The rows of the table "Oldest versions allowed". */
function floors(): Map<string, string> {
  const section = read("docs/dependencies.md").split("## Oldest versions allowed")[1] ?? "";
  const rows = section.matchAll(/^\| `([^`]+)` \| (\d+\.\d+\.\d+) \|$/gm);
  return new Map([...rows].map((row) => [row[1] as string, row[2] as string]));
}

function older(a: string, b: string): boolean {
  const [x, y] = [a, b].map((version) => version.split(".").map(Number)) as [number[], number[]];
  const at = x.findIndex((part, i) => part !== y[i]);
  return at >= 0 && (x[at] as number) < (y[at] as number);
}

test("no locked package is older than the published advisories allow", () => {
  const lock = JSON.parse(read("package-lock.json")) as Lock;
  const oldest = floors();
  assert.ok(oldest.size >= 4, "the table of floors was not found");
  const locked = Object.entries(lock.packages);
  for (const [name, floor] of oldest) {
    const versions = locked
      .filter(([path]) => path.endsWith(`node_modules/${name}`))
      .map(([, { version }]) => version ?? "");
    assert.ok(versions.length > 0, `${name} is not locked`);
    for (const version of versions)
      assert.ok(!older(version, floor), `${name} ${version} is older than ${floor}`);
  }
});

test("every direct dependency is explained in docs/dependencies.md", () => {
  const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
  const text = read("docs/dependencies.md");
  for (const group of ["dependencies", "optionalDependencies", "devDependencies"]) {
    for (const [name, version] of Object.entries(manifest[group] ?? {})) {
      const short = name.replace("@opentelemetry/", "");
      assert.ok(text.includes(`\`${name}\``) || text.includes(`\`${short}\``), `${name} is not explained`);
      assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is not pinned to one version`);
    }
  }
});

test("the lock carries no address of a registry", () => {
  assert.ok(!read("package-lock.json").includes('"resolved"'));
});

// npm ci refuses a lock without them, and npm leaves out those that a registry does not have while it writes the lock.
test("the binaries of every platform are locked, not only of the one that wrote the lock", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as Lock;
  const missing = Object.values(packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => packages[`node_modules/${name}`] === undefined);
  assert.deepEqual(missing, []);
});
