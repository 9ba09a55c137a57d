import assert from "node:assert/strict";
import test from "node:test";
import { prepareRequest } from "../../sidecar/routing/prepare-request.ts";
import { redirectLocation } from "../../sidecar/routing/redirect.ts";
import type { PathMatch, RedirectAction, RouteAction } from "../../xds/model/route-table.ts";
import { compile, context, forward, host, match, redirect, regex, request, route, table } from "./tables.ts";

const prefix = (value: string): PathMatch => ({ kind: "prefix", value, ignoreCase: false });

function prepared(path: PathMatch, action: Partial<RouteAction>, head: Parameters<typeof request>[0]) {
  const routes = [route("r", { match: match({ path }), action: forward(action) })];
  const compiled = compile(table([host("h", ["*"], { routes })]));
  const sent = request(head);
  const outcome = compiled.route(sent, "");
  assert.ok(outcome);
  prepareRequest(outcome, context(sent));
  return sent;
}

const substitution = (pattern: string, text: string) => ({
  regexRewrite: { regex: regex(pattern), substitution: text },
});

const TARGETS: readonly (readonly [
  path: PathMatch,
  action: Partial<RouteAction>,
  target: string,
  sent: string,
])[] = [
  [prefix("/a"), { prefixRewrite: "/b" }, "/a/c?d=/a", "/b/c?d=/a"],
  [prefix("/a/"), { prefixRewrite: "/" }, "/a/c", "/c"],
  [prefix("/a"), { prefixRewrite: "/" }, "/a", "/"],
  [prefix("/a"), { prefixRewrite: "/" }, "/a/c", "//c"],
  [{ kind: "segment_prefix", value: "/a", ignoreCase: false }, { prefixRewrite: "/b" }, "/a/c", "/b/c"],
  [{ kind: "exact", value: "/a", ignoreCase: false }, { prefixRewrite: "/b" }, "/a?x", "/b?x"],
  [{ kind: "regex", regex: regex("/a.*") }, { prefixRewrite: "/b" }, "/abc?x", "/b?x"],
  [
    prefix("/"),
    substitution("^/service/([^/]+)(/.*)$", "\\2/instance/\\1"),
    "/service/foo/v1/api?x",
    "/v1/api/instance/foo?x",
  ],
  [prefix("/"), substitution("one", "two"), "/xxx/one/yyy/one/zzz?one", "/xxx/two/yyy/two/zzz?one"],
  [prefix("/"), substitution("^(.*?)one(.*)$", "\\1two\\2"), "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz"],
  [prefix("/"), substitution("(?i)/xxx/", "/yyy/"), "/aaa/XxX/bbb", "/aaa/yyy/bbb"],
  [prefix("/"), substitution("a", "$1\\\\"), "/a", "/$1\\"],
  [prefix("/"), substitution("^/.*$", "x"), "/a?q", "/x?q"],
];

test("targets are rewritten on the path, and the query is left alone", () => {
  for (const [path, action, target, sent] of TARGETS) {
    assert.equal(prepared(path, action, { target }).target, sent, `${target} ${JSON.stringify(action)}`);
  }
});

test("the host is replaced by a literal, or by a header that names one", () => {
  const literal = { hostRewrite: { kind: "literal", value: "b" } } as const;
  const header = { hostRewrite: { kind: "header", header: "X-Host" } } as const;
  assert.equal(prepared(prefix("/"), literal, {}).authority, "b");
  assert.equal(prepared(prefix("/"), header, { fields: ["x-host", "c:80"] }).authority, "c:80");
  assert.equal(prepared(prefix("/"), header, {}).authority, "a");
  assert.equal(prepared(prefix("/"), header, { fields: ["x-host", "c/d"] }).authority, "a");
  assert.equal(prepared(prefix("/"), { hostRewrite: { kind: "auto" } }, {}).authority, "a");
});

function location(
  action: Partial<RedirectAction>,
  head: Parameters<typeof request>[0],
  path = prefix("/"),
): string | undefined {
  const routes = [route("r", { match: match({ path }), action: redirect(action) })];
  const outcome = compile(table([host("h", ["*"], { routes })])).route(request(head), "");
  assert.ok(outcome?.action.kind === "redirect");
  return redirectLocation(outcome.action, request(head), outcome.rewrite);
}

const LOCATIONS: readonly (readonly [action: Partial<RedirectAction>, target: string, location: string])[] = [
  [{ https: true }, "/x?y", "https://a:80/x?y".replace(":80", "")],
  [{ scheme: "https", port: 8443 }, "/x", "https://a:8443/x"],
  [{ port: 81 }, "/x", "http://a:81/x"],
  [{ host: "b" }, "/x?y", "http://b/x?y"],
  [{ host: "b", stripQuery: true }, "/x?y", "http://b/x"],
  [{ path: "/new" }, "/x?y", "http://a:80/new?y"],
  [{ path: "/new", stripQuery: true }, "/x?y", "http://a:80/new"],
  [{ path: "/new?z" }, "/x?y", "http://a:80/new?z"],
  [{ path: "/new?z", stripQuery: true }, "/x?y", "http://a:80/new?z"],
  [{ prefixRewrite: "/p" }, "/x?y", "http://a:80/px?y"],
  [{ regexRewrite: { regex: regex("x+"), substitution: "z" } }, "/xx?x", "http://a:80/z?x"],
];

test("redirects name scheme, host, port, path and query as Envoy does", () => {
  for (const [action, target, wanted] of LOCATIONS) {
    assert.equal(location(action, { target, authority: "a:80" }), wanted, JSON.stringify(action));
  }
  assert.equal(location({ https: true }, { authority: "a:8080" }), "https://a:8080/");
  assert.equal(location({ https: true }, { authority: "[::1]:80" }), "https://[::1]/");
  assert.equal(location({ scheme: "http" }, { scheme: "https", authority: "a:443" }), "http://a/");
  assert.equal(location({ host: "b" }, { authority: "" }), "http://b/");
});

test("a caller that named no host is redirected by a path alone, which never names another host", () => {
  assert.equal(location({ path: "/new" }, { target: "/x?y", authority: "" }), "/new?y");
  assert.equal(location({ scheme: "http" }, { target: "/x?y", authority: "" }), "/x?y");
  assert.equal(
    location({ stripQuery: true }, { target: "//evil.test/x?y", authority: "" }),
    "/.//evil.test/x",
  );
});

test("a caller that named no host is not sent to another scheme or port of it", () => {
  assert.equal(location({ https: true }, { authority: "" }), undefined);
  assert.equal(location({ port: 81 }, { authority: "" }), undefined);
  assert.equal(location({ https: true, host: "b" }, { authority: "" }), "https://b/");
});

test("a virtual host that wants TLS redirects what comes in the clear", () => {
  const all = compile(table([host("h", ["*"], { requireTls: "all" })]));
  const external = compile(table([host("h", ["*"], { requireTls: "external_only" })]));
  const kind = (compiled: typeof all, from: string, scheme: "http" | "https" = "http") =>
    compiled.route(request({ scheme }), from)?.action.kind;
  assert.equal(kind(all, "127.0.0.1:1"), "redirect");
  assert.equal(kind(all, "127.0.0.1:1", "https"), "forward");
  for (const inside of ["127.0.0.1:1", "10.1.2.3:1", "[::1]:1", "[fd00::1]:1", "192.168.0.1:1"]) {
    assert.equal(kind(external, inside), "forward", inside);
  }
  for (const outside of ["8.8.8.8:1", "[2001:db8::1]:1", "172.32.0.1:1"]) {
    assert.equal(kind(external, outside), "redirect", outside);
  }
});
