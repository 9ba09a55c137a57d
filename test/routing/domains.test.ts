import assert from "node:assert/strict";
import test from "node:test";
import { compile, host, request, table } from "./tables.ts";

const HOSTS = [
  host("exact", ["www.foo.com"]),
  host("port", ["www.foo.com:8080"]),
  host("long suffix", ["*.bar.foo.com"]),
  host("suffix", ["*.foo.com"]),
  host("dash suffix", ["*-bar.foo.com"]),
  host("prefix", ["foo.*"]),
  host("long prefix", ["foo.bar.*"]),
  host("ipv6", ["[::1]"]),
  host("any", ["*"]),
];

const FOUND: readonly (readonly [authority: string, virtualHost: string])[] = [
  ["www.foo.com", "exact"],
  ["WWW.Foo.com", "exact"],
  ["www.foo.com:8080", "port"],
  ["www.foo.com:81", "any"],
  ["a.foo.com", "suffix"],
  ["a.bar.foo.com", "long suffix"],
  ["a-bar.foo.com", "dash suffix"],
  [".foo.com", "any"],
  ["foo.com", "prefix"],
  ["foo.bar.com", "long prefix"],
  ["FOO.BAR.x", "long prefix"],
  ["foo.", "any"],
  ["[::1]", "ipv6"],
  ["elsewhere", "any"],
  ["constructor", "any"],
];

test("a host is found exact first, then by longest suffix, longest prefix, and last by *", () => {
  const compiled = compile(table(HOSTS));
  for (const [authority, virtualHost] of FOUND) {
    assert.equal(compiled.route(request({ authority }), "")?.virtualHost, virtualHost, authority);
  }
});

test("ports are left out of the match when the table says so", () => {
  const compiled = compile(table(HOSTS, { ignorePortInHostMatching: true }));
  for (const [authority, virtualHost] of [
    ["www.foo.com:81", "exact"],
    ["a.foo.com:81", "suffix"],
    ["[::1]:81", "ipv6"],
    ["[::1]", "ipv6"],
  ] as const) {
    assert.equal(compiled.route(request({ authority }), "")?.virtualHost, virtualHost, authority);
  }
});

test("without a host only * matches", () => {
  assert.equal(compile(table(HOSTS)).route(request({ authority: "" }), "")?.virtualHost, "any");
  assert.equal(compile(table([host("h", ["*.a", "b.*"])])).route(request({ authority: "" }), ""), undefined);
});

test("a host that no domain covers has no route", () => {
  const compiled = compile(table([host("h", ["a"])]));
  assert.equal(compiled.route(request({ authority: "b" }), ""), undefined);
});
