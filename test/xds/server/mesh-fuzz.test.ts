import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { validateMesh } from "../../../xds/server/mesh-report.ts";

const EXAMPLE = readFileSync(new URL("../../../examples/mesh.yaml", import.meta.url), "utf8");
const LINES = EXAMPLE.split("\n").filter((line) => !line.trim().startsWith("#"));

/** One line of the example damaged: cut, doubled, indented anew, or with something odd in it. */
const damage = fc.record({
  line: fc.nat({ max: LINES.length - 1 }),
  column: fc.nat({ max: 60 }),
  kind: fc.constantFrom("remove", "double", "indent", "cut", "insert"),
  text: fc.constantFrom(
    "x",
    ": ",
    "- ",
    "[",
    "}",
    "&a ",
    "*a",
    "!!binary ",
    "-1",
    "1e999",
    ".nan",
    "null",
    "\t",
    '"',
    "\u0000",
    "é",
    "<<: ",
  ),
});

function damaged(damages: readonly (typeof damage extends fc.Arbitrary<infer T> ? T : never)[]): string {
  const lines = [...LINES];
  for (const { line, column, kind, text } of damages) {
    const old = lines[line] ?? "";
    if (kind === "remove") lines[line] = "";
    else if (kind === "double") lines[line] = `${old}\n${old}`;
    else if (kind === "indent") lines[line] = `  ${old}`;
    else if (kind === "cut") lines[line] = old.slice(0, column);
    else lines[line] = old.slice(0, column) + text + old.slice(column);
  }
  return lines.join("\n");
}

describe("a damaged mesh file", () => {
  it("is either served or told of with places that are in the file, and never ends the process", () => {
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
        const text = damaged(damages);
        const { snapshot, problems, lines } = validateMesh(text, "mesh.yaml");
        const failed = problems.some(({ severity }) => severity === "error");
        assert.equal(snapshot === undefined, failed);
        assert.ok(lines.length >= Math.min(problems.length, 1));
        const count = text.split("\n").length;
        for (const { line, column } of problems) assert.ok(line >= 1 && line <= count && column >= 1);
      }),
      { seed: 20_263, numRuns: 150 },
    );
  });

  it("may be any value at all", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const { snapshot, problems } = validateMesh(
          JSON.stringify({ services: value, resources: [value] }),
          "mesh.json",
        );
        assert.ok(snapshot || problems.length > 0);
      }),
      { seed: 20_264, numRuns: 150 },
    );
  });
});
