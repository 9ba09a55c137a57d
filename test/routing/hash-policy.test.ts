import assert from "node:assert/strict";
import test from "node:test";
import { newAffinityCookie, requestHash } from "../../sidecar/routing/hash-policy.ts";
import { type Hash64, xxhash64 } from "../../xds/common/xxhash64.ts";
import type { HashPolicy } from "../../xds/model/route-table.ts";
import { context, request } from "./tables.ts";

const header: HashPolicy = { kind: "header", name: "X-User", terminal: false };
const query: HashPolicy = { kind: "query", name: "u", terminal: false };
const address: HashPolicy = { kind: "source_ip", terminal: false };
const cookie: HashPolicy = { kind: "cookie", name: "s", ttlMs: undefined, path: "", terminal: false };

const hash = (policies: readonly HashPolicy[], parts: Parameters<typeof request>[0] = {}) =>
  requestHash(policies, context(request(parts)));

test("each policy hashes what it names, and nothing where that is absent", () => {
  assert.deepEqual(hash([header], { fields: ["x-user", "joe"] }), xxhash64("joe"));
  assert.equal(hash([header]), undefined);
  assert.deepEqual(hash([query], { target: "/?a=b&u=joe" }), xxhash64("joe"));
  assert.equal(hash([query], { target: "/u" }), undefined);
  assert.deepEqual(hash([address]), xxhash64("10.0.0.1"));
  assert.deepEqual(hash([cookie], { fields: ["Cookie", 'a=b; s="joe"'] }), xxhash64("joe"));
  assert.deepEqual(hash([cookie], { fields: ["cookie", "a=b", "cookie", "s=joe"] }), xxhash64("joe"));
  assert.equal(hash([cookie], { fields: ["cookie", "ss=b"] }), undefined);
  assert.equal(hash([]), undefined);
});

test("several values of a header count in any order, an empty one counts, an empty cookie does not", () => {
  const inOrder = hash([header], { fields: ["x-user", "a", "x-user", "b"] });
  assert.deepEqual(inOrder, xxhash64("b", xxhash64("a")));
  assert.deepEqual(hash([header], { fields: ["x-user", "b", "X-User", "a"] }), inOrder);
  assert.deepEqual(hash([header], { fields: ["x-user", ""] }), xxhash64(""));
  assert.equal(hash([cookie], { fields: ["cookie", "s="] }), undefined);
});

test("a part of the start line can be hashed by its name in HTTP/2", () => {
  const path: HashPolicy = { ...header, name: ":path" };
  assert.deepEqual(hash([path], { target: "/a?b" }), xxhash64("/a?b"));
});

test("the hash does not depend on the caller's port", () => {
  const head = request();
  const one = requestHash([address], context(head, { remoteAddress: "10.0.0.1:1" }));
  assert.deepEqual(one, requestHash([address], context(head, { remoteAddress: "10.0.0.1:2" })));
});

test("policies combine by rotation and xor, and a terminal one that found something ends the list", () => {
  const parts = { fields: ["x-user", "joe"], target: "/?u=jim" };
  const whole = ({ high, low }: Hash64) => (BigInt(high) << 32n) | BigInt(low);
  const [joe, jim] = [whole(xxhash64("joe")), whole(xxhash64("jim"))];
  const both = hash([header, query], parts);
  assert.equal(both && whole(both), (BigInt.asUintN(64, joe << 1n) | (joe >> 63n)) ^ jim);
  assert.deepEqual(hash([{ ...header, terminal: true }, query], parts), xxhash64("joe"));
  assert.deepEqual(hash([{ ...header, terminal: true }, query], { target: "/?u=jim" }), xxhash64("jim"));
});

test("a cookie that is to be made has its hash before the caller knows it", () => {
  const policy: HashPolicy = { ...cookie, ttlMs: 1_500, path: "/p" };
  const first = context(request());
  const made = newAffinityCookie([policy], first);
  assert.match(made ?? "", /^s="[0-9a-f]{16}"; Max-Age=2; Path=\/p; HttpOnly$/);
  const value = made?.slice(3, 19) ?? "";
  const second = context(request({ fields: ["cookie", `s=${value}`] }), { remoteAddress: "10.9.9.9:9" });
  assert.deepEqual(requestHash([policy], first), requestHash([policy], second));
  assert.equal(newAffinityCookie([policy], second), undefined);
});

test("a ttl of 0 makes a cookie of the session, and no ttl makes none", () => {
  assert.match(
    newAffinityCookie([{ ...cookie, ttlMs: 0 }], context(request())) ?? "",
    /^s="[0-9a-f]{16}"; HttpOnly$/,
  );
  assert.equal(newAffinityCookie([cookie], context(request())), undefined);
});
