import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalOf, type Visitor } from "../../sidecar/admin/guard.ts";

function visitor(changes: Partial<Visitor>): Visitor {
  return {
    method: "GET",
    host: "127.0.0.1:15000",
    origin: undefined,
    authorization: undefined,
    contentType: undefined,
    adminHeader: undefined,
    ...changes,
  };
}

const CASES: readonly (readonly [why: string, changes: Partial<Visitor>, status: number | undefined])[] = [
  ["a local tool", {}, undefined],
  ["localhost by name", { host: "localhost:15000" }, undefined],
  ["localhost without a port", { host: "LOCALHOST" }, undefined],
  ["IPv6 loopback", { host: "[::1]:15000" }, undefined],
  ["a port forward by address", { host: "192.168.1.7:9000" }, undefined],
  ["a name that was rebound to loopback", { host: "evil.example:15000" }, 403],
  ["a name that looks local", { host: "localhost.evil.example" }, 403],
  ["a name that looks like an address", { host: "127.0.0.1.evil.example" }, 403],
  ["brackets around no address", { host: "[evil]:15000" }, 403],
  ["no host", { host: undefined }, 400],
  ["the inspector's own script", { origin: "http://127.0.0.1:15000" }, undefined],
  ["a page of another site", { origin: "https://evil.example" }, 403],
  ["a page of another local port", { origin: "http://127.0.0.1:8080" }, 403],
  ["a sandboxed page", { origin: "null" }, 403],
  ["a form of another site", { method: "POST", contentType: "application/x-www-form-urlencoded" }, 415],
  ["a POST of plain text", { method: "POST", contentType: "text/plain" }, 415],
  ["a POST of nothing", { method: "POST" }, 415],
  ["a POST of JSON", { method: "POST", contentType: "application/json; charset=utf-8" }, undefined],
  ["a type that only begins like JSON", { method: "POST", contentType: "application/jsonp" }, 415],
  ["a POST with our header", { method: "POST", adminHeader: "1" }, undefined],
  [
    "a JSON POST of another origin",
    { method: "POST", contentType: "application/json", origin: "http://x" },
    403,
  ],
  ["DELETE", { method: "DELETE" }, 405],
  ["HEAD", { method: "HEAD" }, undefined],
];

for (const [why, changes, status] of CASES) {
  test(`${why} is ${status === undefined ? "let in" : `answered with ${status}`}`, () => {
    assert.equal(refusalOf(visitor(changes), "")?.status, status);
  });
}

test("with a token, every request must carry it, and the name no longer matters", () => {
  const remote = { host: "sidecar.internal:15000" };
  assert.equal(refusalOf(visitor(remote), "s3cret")?.status, 401);
  assert.equal(refusalOf(visitor({ ...remote, authorization: "Bearer wrong" }), "s3cret")?.status, 401);
  assert.equal(refusalOf(visitor({ ...remote, authorization: "Bearer s3cret" }), "s3cret"), undefined);
});
