import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";

const ROOT = join(import.meta.dirname, "../..");

test("every link between the project's own pages leads somewhere", () => {
  const dead: string[] = [];
  for (const page of globSync(["README.md", "docs/*.md"], { cwd: ROOT })) {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
      if (!existsSync(join(ROOT, dirname(page), target as string))) dead.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(dead, []);
});

test("every page of the documentation is reached from the README", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const unreached = globSync("docs/*.md", { cwd: ROOT }).filter((page) => !readme.includes(`(${page})`));
  assert.deepEqual(unreached, []);
});
