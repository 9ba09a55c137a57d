import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { PathIndex } from "../../sidecar/routing/path-index.ts";
import { PathMatcher } from "../../sidecar/routing/path-matcher.ts";
import type { PathMatch } from "../../xds/model/route-table.ts";

const SEED = 20_261_121;
/** Few characters, so that paths often begin alike. */
const text = fc.string({ unit: fc.constantFrom("a", "b", "A", "/"), maxLength: 6 }).map((end) => `/${end}`);
const path: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("exact" as const, "prefix" as const, "segment_prefix" as const),
    value: text,
    ignoreCase: fc.boolean(),
  }),
  fc.constant<PathMatch>({ kind: "regex", regex: RE2JS.compile("/a.*") }),
  fc.constant<PathMatch>({ kind: "connect" }),
);

test("no place whose path matches is passed over, and places come in order", () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 12 }), text, fc.boolean(), (paths, asked, withQuery) => {
      const target = withQuery ? `${asked}?a/b` : asked;
      const index = new PathIndex(paths);
      const offered: number[] = [];
      for (let at = index.next(target, asked.length, 0); at < paths.length; ) {
        offered.push(at);
        at = index.next(target, asked.length, at + 1);
      }
      assert.deepEqual(
        offered,
        [...new Set(offered)].sort((a, b) => a - b),
      );
      paths.forEach((one, place) => {
        const matches = new PathMatcher(one).matches("GET", target, asked.length);
        assert.ok(!matches || offered.includes(place), `place ${place} matches and is not offered`);
      });
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test("a table of different paths offers one place, or none", () => {
  const paths = Array.from(
    { length: 100 },
    (_, i): PathMatch => ({ kind: "prefix", value: `/service-${i}/`, ignoreCase: false }),
  );
  const index = new PathIndex(paths);
  const target = "/service-42/items";
  assert.equal(index.next(target, target.length, 0), 42);
  assert.equal(index.next(target, target.length, 43), 100);
  assert.equal(index.next("/elsewhere", 10, 0), 100);
});
