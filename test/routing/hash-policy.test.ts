import assert from "node:assert/strict";
import test from "node:test";
import { newAffinityCookie, requestHash } from "../../sidecar/routing/hash-policy.ts";
import { xxhash32 } from "../../xds/common/xxhash32.ts";
import type { HashPolicy } from "../../xds/model/route-table.ts";
import { context, request } from "./tables.ts";

const header: HashPolicy = { kind: "header", name: "X-User", terminal: false };
const query: HashPolicy = { kind: "query", name: "u", terminal: false };
const address: HashPolicy = { kind: "source_ip", terminal: false };
const cookie: HashPolicy = { kind: "cookie", name: "s", ttlMs: undefined, path: "", terminal: false };

const hash = (policies: readonly HashPolicy[], parts: Parameters<typeof request>[0] = {}) =>
  requestHash(policies, context(request(parts)));

test("xxHash32 gives the values of its specification", () => {
  const text = "Nobody inspects the spammish repetition";
  assert.equal(xxhash32(""), 0x02cc5d05);
  assert.equal(xxhash32("a"), 0x550d7456);
  assert.equal(xxhash32("abc"), 0x32d153ff);
  assert.equal(xxhash32(text), 0xe2293b2f);
  assert.equal(xxhash32("", 1), 0x0b2cb792);
});

test("each policy hashes what it names, and nothing where that is absent", () => {
  assert.equal(hash([header], { fields: ["x-user", "joe"] }), xxhash32("joe"));
  assert.equal(hash([header]), undefined);
  assert.equal(hash([query], { target: "/?a=b&u=joe" }), xxhash32("joe"));
  assert.equal(hash([query], { target: "/u" }), undefined);
  assert.equal(hash([address]), xxhash32("10.0.0.1"));
  assert.equal(hash([cookie], { fields: ["Cookie", 'a=b; s="joe"'] }), xxhash32("joe"));
  assert.equal(hash([cookie], { fields: ["cookie", "a=b", "cookie", "s=joe"] }), xxhash32("joe"));
  assert.equal(hash([cookie], { fields: ["cookie", "ss=b"] }), undefined);
  assert.equal(hash([]), undefined);
});

test("the hash does not depend on the caller's port", () => {
  const head = request();
  const one = requestHash([address], context(head, { remoteAddress: "10.0.0.1:1" }));
  assert.equal(one, requestHash([address], context(head, { remoteAddress: "10.0.0.1:2" })));
});

test("policies combine by rotation and xor, and a terminal one that found something ends the list", () => {
  const parts = { fields: ["x-user", "joe"], target: "/?u=jim" };
  const rotated = ((xxhash32("joe") << 1) | (xxhash32("joe") >>> 31)) ^ xxhash32("jim");
  assert.equal(hash([header, query], parts), rotated >>> 0);
  assert.equal(hash([{ ...header, terminal: true }, query], parts), xxhash32("joe"));
  assert.equal(hash([{ ...header, terminal: true }, query], { target: "/?u=jim" }), xxhash32("jim"));
});

test("a cookie that is to be made has its hash before the caller knows it", () => {
  const policy: HashPolicy = { ...cookie, ttlMs: 1_500, path: "/p" };
  const first = context(request());
  const made = newAffinityCookie([policy], first);
  assert.match(made ?? "", /^s="[0-9a-f]{16}"; Max-Age=2; Path=\/p; HttpOnly$/);
  const value = made?.slice(3, 19) ?? "";
  const second = context(request({ fields: ["cookie", `s=${value}`] }), { remoteAddress: "10.9.9.9:9" });
  assert.equal(requestHash([policy], first), requestHash([policy], second));
  assert.equal(newAffinityCookie([policy], second), undefined);
});

test("a ttl of 0 makes a cookie of the session, and no ttl makes none", () => {
  assert.match(
    newAffinityCookie([{ ...cookie, ttlMs: 0 }], context(request())) ?? "",
    /^s="[0-9a-f]{16}"; HttpOnly$/,
  );
  assert.equal(newAffinityCookie([cookie], context(request())), undefined);
});
