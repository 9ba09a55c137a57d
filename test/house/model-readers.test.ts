import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const MODEL = ["listener", "route-table", "cluster", "endpoint", "tls"];

/** In the model for what comes next; whoever sets it over xDS is warned that it is not acted on yet. */
const WARNED: ReadonlySet<string> = new Set(["listener.codec", "cluster.http2"]);

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
}

/** The fields of a model file, by the names of their declarations. */
function fieldsOf(file: string): readonly string[] {
  const names = [...read(`xds/model/${file}.ts`).matchAll(/\breadonly (\w+)\??:/g)];
  return [...new Set(names.map(([, name]) => name as string))];
}

/** Names that some code reads: `x.name`, or `{ name }` taken apart. By name alone, which is enough to notice most that nobody reads. */
function namesRead(paths: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const path of paths) {
    const text = read(path);
    for (const [, name] of text.matchAll(/\.(\w+)\b(?!\s*=[^=])/g)) names.add(name as string);
    for (const [, parts] of text.matchAll(/\{([^{}]*)\}\s*(?:=[^=>]|:\s*[A-Z]|of\b)/g)) {
      for (const [name] of (parts as string).matchAll(/\w+(?=\s*(?:[,:}=]|$))/g)) names.add(name);
    }
  }
  return names;
}

test("every field of the model is read by the data path: none is taken in and then ignored in silence", () => {
  const sources = globSync(["sidecar/**/*.ts", "xds/client/*.ts"], { cwd: ROOT });
  const readers = namesRead(sources.filter((path) => !path.startsWith("sidecar/simulate/")));
  assert.ok(readers.size > 500, "the sources were not found");
  const unread = MODEL.flatMap((file) =>
    fieldsOf(file)
      .filter((name) => !readers.has(name))
      .map((name) => `${file}.${name}`),
  );
  assert.deepEqual(
    unread.filter((field) => !WARNED.has(field)),
    [],
  );
});
