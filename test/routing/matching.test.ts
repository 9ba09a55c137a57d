import assert from "node:assert/strict";
import test from "node:test";
import type { StringMatcher } from "../../xds/model/matcher.ts";
import type { HeaderMatch, PathMatch, QueryMatch, RouteMatch } from "../../xds/model/route-table.ts";
import { compile, host, match, regex, request, route, table } from "./tables.ts";

function takes(wanted: Partial<RouteMatch>, head: Parameters<typeof request>[0]): boolean {
  const compiled = compile(table([host("h", ["*"], { routes: [route("r", { match: match(wanted) })] })]));
  return compiled.route(request(head), "10.0.0.1:1") !== undefined;
}

const prefix = (value: string, ignoreCase = false): PathMatch => ({ kind: "prefix", value, ignoreCase });
const exact = (value: string, ignoreCase = false): PathMatch => ({ kind: "exact", value, ignoreCase });
const segments = (value: string): PathMatch => ({ kind: "segment_prefix", value, ignoreCase: false });
const matching = (pattern: string): PathMatch => ({ kind: "regex", regex: regex(pattern) });

const PATHS: readonly (readonly [path: PathMatch, target: string, matches: boolean])[] = [
  [prefix("/"), "/", true],
  [prefix("/"), "*", false],
  [prefix(""), "*", true],
  [prefix("/a"), "/a", true],
  [prefix("/a"), "/ab/c", true],
  [prefix("/a"), "/A", false],
  [prefix("/a", true), "/A/b", true],
  [prefix("/a/b"), "/a?x=/b", false],
  [exact("/a"), "/a", true],
  [exact("/a"), "/a?b=c", true],
  [exact("/a"), "/a/", false],
  [exact("/a"), "/b", false],
  [exact("/a", true), "/A?x", true],
  [segments("/a"), "/a", true],
  [segments("/a"), "/a?b", true],
  [segments("/a"), "/a/b", true],
  [segments("/a"), "/ab", false],
  [matching("/a[0-9]+"), "/a17?x", true],
  [matching("/a[0-9]+"), "/a17/b", false],
  [matching("a[0-9]+"), "/a17", false],
];

test("paths match by kind, on the path without its query", () => {
  for (const [path, target, matches] of PATHS) {
    assert.equal(takes({ path }, { target }), matches, `${JSON.stringify(path)} ${target}`);
  }
});

test("a CONNECT is taken by connect routes only", () => {
  const connect = { method: "CONNECT", target: "a:1", authority: "a:1" };
  assert.equal(takes({ path: { kind: "connect" } }, connect), true);
  assert.equal(takes({ path: prefix("") }, connect), false);
  assert.equal(takes({ path: { kind: "connect" } }, { method: "GET" }), false);
});

const string = (matcher: StringMatcher): HeaderMatch["value"] => ({ kind: "string", matcher });
const is = (value: string, ignoreCase = false) => string({ kind: "exact", value, ignoreCase });
const present = (wanted: boolean): HeaderMatch["value"] => ({ kind: "present", present: wanted });
const range = (from: number, to: number): HeaderMatch["value"] => ({
  kind: "range",
  from: BigInt(from),
  to: BigInt(to),
});

function header(name: string, value: HeaderMatch["value"], parts: Partial<HeaderMatch> = {}): HeaderMatch {
  return { name, value, invert: false, missingAsEmpty: false, ...parts };
}

const HEADERS: readonly (readonly [matcher: HeaderMatch, fields: string[], matches: boolean])[] = [
  [header("x", is("1")), ["X", "1"], true],
  [header("x", is("1")), ["x", "2"], false],
  [header("x", is("1")), [], false],
  [header("x", is("1"), { invert: true }), ["x", "2"], true],
  [header("x", is("1"), { invert: true }), [], false],
  [header("x", is("1"), { invert: true, missingAsEmpty: true }), [], true],
  [header("x", is(""), { missingAsEmpty: true }), [], true],
  [header("x", is("AB", true)), ["x", "ab"], true],
  [header("x", is("1,2")), ["x", "1", "y", "0", "X", "2"], true],
  [header("x", is("2")), ["x", "1", "y", "0", "X", "2"], true],
  [header("x", is("3")), ["x", "1", "y", "0", "X", "2"], false],
  [header("x", is("2"), { invert: true }), ["x", "1", "y", "0", "X", "2"], false],
  [header("x", is("3"), { invert: true }), ["x", "1", "y", "0", "X", "2"], true],
  [header("x", string({ kind: "prefix", value: "ab", ignoreCase: false })), ["x", "abc"], true],
  [header("x", string({ kind: "suffix", value: "BC", ignoreCase: true })), ["x", "abc"], true],
  [header("x", string({ kind: "contains", value: "b", ignoreCase: false })), ["x", "abc"], true],
  [header("x", string({ kind: "regex", regex: regex("a.c") })), ["x", "abc"], true],
  [header("x", string({ kind: "regex", regex: regex("a.c") })), ["x", "abcd"], false],
  [header("x", present(true)), ["x", ""], true],
  [header("x", present(true)), [], false],
  [header("x", present(false)), [], true],
  [header("x", present(true), { invert: true }), [], true],
  [header("x", present(false), { invert: true }), [], false],
  [header("x", present(true), { missingAsEmpty: true }), [], true],
  [header("x", range(-10, 0)), ["x", "-1"], true],
  [header("x", range(-10, 0)), ["x", "0"], false],
  [header("x", range(-10, 0)), ["x", "-10"], true],
  [header("x", range(0, 100)), ["x", "1.5"], false],
  [header("x", range(0, 100)), ["x", "abc"], false],
  [header("x", range(0, 100), { invert: true }), ["x", "abc"], true],
  [header(":method", is("GET")), [], true],
  [header(":path", is("/?q")), [], true],
  [header(":authority", is("a")), [], true],
  [header("host", is("a")), [], true],
  [header(":scheme", is("http")), [], true],
  [header(":other", present(true)), [], false],
];

test("header matchers follow Envoy, absent headers gRFC A41", () => {
  for (const [matcher, fields, matches] of HEADERS) {
    const detail = JSON.stringify([matcher, fields], (_, value) =>
      typeof value === "bigint" ? `${value}` : value,
    );
    assert.equal(takes({ headers: [matcher] }, { fields, target: "/?q" }), matches, detail);
  }
});

test("all header matchers must match", () => {
  const headers = [header("x", is("1")), header("y", is("2"))];
  assert.equal(takes({ headers }, { fields: ["x", "1", "y", "2"] }), true);
  assert.equal(takes({ headers }, { fields: ["x", "1"] }), false);
});

const QUERIES: readonly (readonly [query: QueryMatch, target: string, matches: boolean])[] = [
  [{ name: "a", matcher: undefined }, "/?a", true],
  [{ name: "a", matcher: undefined }, "/?b&a=1", true],
  [{ name: "a", matcher: undefined }, "/?ab=1", false],
  [{ name: "a", matcher: undefined }, "/a", false],
  [{ name: "a", matcher: "absent" }, "/?b", true],
  [{ name: "a", matcher: "absent" }, "/?b&a", false],
  [{ name: "a", matcher: { kind: "exact", value: "1", ignoreCase: false } }, "/?a=1&a=2", true],
  [{ name: "a", matcher: { kind: "exact", value: "2", ignoreCase: false } }, "/?a=1&a=2", false],
  [{ name: "a", matcher: { kind: "exact", value: "", ignoreCase: false } }, "/?a", true],
  [{ name: "a", matcher: { kind: "exact", value: "b=c", ignoreCase: false } }, "/?a=b=c&d", true],
];

test("query parameters match on the first value, as it is encoded", () => {
  for (const [query, target, matches] of QUERIES) {
    assert.equal(takes({ query: [query] }, { target }), matches, `${JSON.stringify(query)} ${target}`);
  }
});

test("a gRPC route takes gRPC content types alone", () => {
  const types = {
    "application/grpc": true,
    "application/grpc+proto": true,
    "application/grpc-web": false,
    "text/plain": false,
  };
  for (const [type, matches] of Object.entries(types)) {
    assert.equal(takes({ grpcOnly: true }, { fields: ["Content-Type", type] }), matches, type);
  }
  assert.equal(takes({ grpcOnly: true }, {}), false);
});

test("a fraction takes its part of the requests and leaves the rest to later routes", () => {
  const routes = [
    route("some", { match: match({ fraction: { numerator: 25, denominator: 100 } }) }),
    route("rest"),
  ];
  const compiled = compile(table([host("h", ["*"], { routes })]));
  const counts = { some: 0, rest: 0 };
  for (let i = 0; i < 4_000; i++) counts[compiled.route(request(), "")?.name as "some" | "rest"]++;
  assert.ok(counts.some > 900 && counts.some < 1_100, `${counts.some} of 4000`);
});

test("the first route that matches wins", () => {
  const routes = [
    route("long", { match: match({ path: prefix("/a/b") }) }),
    route("short", { match: match({ path: prefix("/a") }) }),
    route("same", { match: match({ path: exact("/a") }) }),
  ];
  const compiled = compile(table([host("h", ["*"], { routes })]));
  assert.equal(compiled.route(request({ target: "/a/b" }), "")?.name, "long");
  assert.equal(compiled.route(request({ target: "/a" }), "")?.name, "short");
  assert.equal(compiled.route(request({ target: "/b" }), ""), undefined);
});
