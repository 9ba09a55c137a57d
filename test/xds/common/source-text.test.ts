import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { childPath, pathSegments } from "../../../xds/common/field-path.ts";
import { nearestName } from "../../../xds/common/nearest-name.ts";
import { SourceText } from "../../../xds/common/source-text.ts";

const file = (text: string) => new SourceText(text, "mesh.yaml");
const firstError = (text: string) => {
  const [problem] = file(text).syntax;
  assert.ok(problem, "the text must be refused");
  return problem;
};

describe("a configuration file", () => {
  const text =
    "services:\n  - name: a\n    endpoints:\n      - { address: x, prt: 5 }\n    tls:\n      sni: b\n";

  it("places a problem at the key of its path, with the line and a caret under key and value", () => {
    const source = file(text);
    const placed = source.place({
      path: "services[0].endpoints[0].prt",
      reason: "unknown key",
      severity: "error",
    });
    assert.equal(
      source.render(placed),
      [
        "mesh.yaml:4:23 services[0].endpoints[0].prt: unknown key",
        "  4 |       - { address: x, prt: 5 }",
        "    |                       ^^^^^^",
      ].join("\n"),
    );
  });

  it("places a path that leads out of the file at the deepest part that is there", () => {
    const source = file(text);
    const place = (path: string) => {
      const { line, column } = source.place({ path, reason: "x", severity: "error" });
      return `${line}:${column}`;
    };
    assert.equal(place("services[0].tls.ca_file"), "5:5");
    assert.equal(place("services[7].name"), "1:1");
    assert.equal(place("nothing"), "1:1");
    assert.equal(place(""), "1:1");
  });

  it("finds keys that are no plain words by their quoted path", () => {
    const source = file('split:\n  "orders.v2": 5\n  "x[0]": 1\n');
    assert.equal(
      source.place({ path: childPath("split", "orders.v2"), reason: "", severity: "error" }).line,
      2,
    );
    assert.equal(source.place({ path: childPath("split", "x[0]"), reason: "", severity: "error" }).line, 3);
    assert.deepEqual(pathSegments('a.b[3]["c.\\"d"].e'), ["a", "b", 3, 'c."d', "e"]);
  });

  it("reads JSON as well", () => {
    const source = file('{"a": {"b": [1, 2]}}');
    assert.deepEqual(source.syntax, []);
    assert.deepEqual(source.value, { a: { b: [1, 2] } });
  });

  const refused: [what: string, text: string, reason: RegExp, place: string][] = [
    ["a key that stands twice", "a: 1\na: 2\n", /stands twice/, "2:1"],
    ["an unknown tag", "a: !shell b\n", /tag/, "1:4"],
    ["a tab where a block begins", "a:\t- b\n", /./, "1:4"],
    ["a second document", "a: 1\n---\nb: 2\n", /one/, "2:1"],
    ["an alias without its anchor", "a: *b\n", /alias/, "1:4"],
    ["an alias that contains itself", "a: &x [*x]\n", /contains itself/, "1:8"],
    ["a key that is not text", "1: a\n", /must be text/, "1:1"],
    ["the key __proto__", "a:\n  __proto__: {}\n", /not allowed as a key/, "2:3"],
    ["the key constructor", "constructor: 1\n", /not allowed as a key/, "1:1"],
    ["brackets a million deep", "[".repeat(1_000_000), /deeper than 64/, "1:1"],
    ["markers half a million deep", "- ".repeat(500_000), /deeper than 64/, "1:1"],
    [
      "blocks deeper than the bound",
      Array.from({ length: 70 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
      /deeper than 64/,
      "65:65",
    ],
    ["more bytes than the bound", `a: ${"x".repeat(1024 * 1024)}`, /at most 1048576/, "1:1"],
  ];
  for (const [what, badText, reason, place] of refused) {
    it(`refuses ${what}`, () => {
      const problem = firstError(badText);
      assert.match(problem.reason, reason);
      assert.equal(`${problem.line}:${problem.column}`, place);
    });
  }

  it("refuses aliases that multiply", () => {
    const row = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(",")}]\n`;
    const bomb = row("a", "x") + row("b", "*a") + row("c", "*b") + row("d", "*c") + row("e", "*d");
    assert.match(firstError(bomb).reason, /alias/i);
  });

  it("reports every syntax problem at once", () => {
    assert.equal(file("a: 1\na: 2\nb: !x 1\n").syntax.length, 2);
  });
});

describe("the nearest name", () => {
  it("is found through missing, added, wrong and swapped letters", () => {
    const allowed = ["policy", "timeout", "retries", "endpoints"];
    assert.equal(nearestName("polcy", allowed), "policy");
    assert.equal(nearestName("tiemout", allowed), "timeout");
    assert.equal(nearestName("end-points", allowed), "endpoints");
    assert.equal(nearestName("listeners", allowed), undefined);
    assert.equal(nearestName("x".repeat(1_000_000), allowed), undefined);
  });
});
