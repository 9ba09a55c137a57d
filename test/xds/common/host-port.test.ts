import assert from "node:assert/strict";
import test from "node:test";
import { isHostName, parseHostPort, splitAuthority, withoutPort } from "../../../xds/common/host-port.ts";

test("an address with a port is read in each of its spellings", () => {
  assert.deepEqual(parseHostPort("127.0.0.1:9001"), { host: "127.0.0.1", port: 9001, isIp: true });
  assert.deepEqual(parseHostPort("[::1]:9001"), { host: "::1", port: 9001, isIp: true });
  assert.deepEqual(parseHostPort("my_db.internal:80"), { host: "my_db.internal", port: 80, isIp: false });
  assert.deepEqual(parseHostPort("127.0.0.1:0", 0), { host: "127.0.0.1", port: 0, isIp: true });
});

test("what is no address with a port is refused with what is allowed", () => {
  for (const [text, reason] of [
    ["orders", /the port is missing/],
    ["[::1]", /the port is missing/],
    ["::1:80", /^must be "HOST:PORT", such as 127\.0\.0\.1:9001, \[::1\]:9001/],
    ["[127.0.0.1]:80", /^must be "HOST:PORT"/],
    ["127.0.0.1:0", /the port must be from 1 to 65535, not "0"/],
    ["127.0.0.1:65536", /the port must be from 1 to 65535, not "65536"/],
    ["127.0.0:80", /"127\.0\.0" is neither an IP address nor a host name/],
    ["a b:80", /"a b" is neither/],
    [`${"a".repeat(64)}:80`, /is neither/],
    ["http://orders:80", /"http:\/\/orders" is neither/],
  ] as const) {
    const parsed = parseHostPort(text);
    assert.match("error" in parsed ? parsed.error : "accepted", reason, text);
  }
});

test("a host name is labels of 63 characters, 253 in all, and never a mistyped IP address", () => {
  for (const name of ["orders", "a.b", "a-b_c.internal.", "1a", "x".repeat(63)])
    assert.ok(isHostName(name), name);
  for (const name of ["", "-a", "a..b", "1.2.3", "300.1.1.1", "a b", "x".repeat(64), "a.".repeat(127)])
    assert.ok(!isHostName(name), name);
});

test("an authority from the wire is split whatever it holds", () => {
  for (const [text, host, port] of [
    ["orders", "orders", 80],
    ["orders:8080", "orders", 8080],
    ["joe@orders:8080", "orders", 8080],
    ["[::1]:8080", "::1", 8080],
    ["[::1]", "::1", 80],
    ["::1", "::1", 80],
    ["orders:x", "orders:x", 80],
    ["", "", 80],
  ] as const) {
    assert.deepEqual(splitAuthority(text, 80), { host, port }, text);
  }
});

test("an address of our own loses its port", () => {
  assert.equal(withoutPort("10.0.0.1:80"), "10.0.0.1");
  assert.equal(withoutPort("[::1]:80"), "::1");
  assert.equal(withoutPort("10.0.0.1"), "10.0.0.1");
});
