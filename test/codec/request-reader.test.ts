import assert from "node:assert/strict";
import test from "node:test";
import type { RequestHead } from "../../sidecar/codec/head.ts";
import { DEFAULT_LIMITS } from "../../sidecar/codec/limits.ts";
import { RequestReader } from "../../sidecar/codec/request-reader.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import { readRequests } from "./recorder.ts";

const LINE = "GET / HTTP/1.1\r\nHost: a\r\n";

/** Status of the local reply -> messages that must get it. */
const REFUSED: readonly (readonly [
  status: number,
  wires: readonly (readonly [why: string, wire: string])[],
])[] = [
  [
    400,
    [
      ["no version (HTTP/0.9)", "GET /\r\n\r\n"],
      ["a lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"],
      ["a version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"],
      ["something behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"],
      ["two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["two spaces behind the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["white space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["three empty lines before the request", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["an empty line with a bare LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a quote in the path", 'GET /" HTTP/1.1\r\nHost: a\r\n\r\n'],
      ["braces in the path", "GET /{x} HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a backslash in the path", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a broken percent-encoding in the path", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["raw UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["a target that is no form", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["* for a method other than OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["userinfo in the target", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["an absolute-form without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["CONNECT to a path", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"],
      ["CONNECT with a body", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"],
      ["no Host", "GET / HTTP/1.1\r\n\r\n"],
      ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
      ["two Hosts", `${LINE}Host: a\r\n\r\n`],
      ["a space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
      ["userinfo in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
      ["a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
      ["a port in Host that is too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
      ["a port in Host that is no number", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"],
      ["an IPv6 Host without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"],
      ["an IPv6 Host with a zone", "GET / HTTP/1.1\r\nHost: [fe80::1%eth0]\r\n\r\n"],
      ["a malformed Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n"],
      ["a malformed Host beside an absolute-form", "GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n"],
      ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
      ["a field line without a colon", `${LINE}x\r\n\r\n`],
      ["an empty field name", `${LINE}: x\r\n\r\n`],
      ["a field name with a space", `${LINE}x y: z\r\n\r\n`],
      ["a field name beyond ASCII", `${LINE}x\xe4: z\r\n\r\n`],
      ["obs-fold", `${LINE}x: y\r\n z\r\n\r\n`],
      ["white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
      ["a bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
      ["a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nx: y\r\n\r\n"],
      ["a head of bare LFs", "GET / HTTP/1.1\nHost: a\n\n"],
      ["a bare CR in a value", `${LINE}x: a\rb\r\n\r\n`],
      ["a bare CR for a line end", `${LINE}x: a\ry: b\r\n\r\n`],
      ["NUL in a value", `${LINE}x: a\0b\r\n\r\n`],
      ["DEL in a value", `${LINE}x: a\x7fb\r\n\r\n`],
      [
        "Content-Length beside Transfer-Encoding",
        `${LINE}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ],
      [
        "Transfer-Encoding beside Content-Length",
        `${LINE}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n`,
      ],
      ["two Content-Lengths", `${LINE}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`],
      ["two equal Content-Lengths", `${LINE}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
      ["a list in Content-Length", `${LINE}Content-Length: 1, 1\r\n\r\nx`],
      ["a sign in Content-Length", `${LINE}Content-Length: +1\r\n\r\nx`],
      ["a negative Content-Length", `${LINE}Content-Length: -1\r\n\r\nx`],
      ["a hexadecimal Content-Length", `${LINE}Content-Length: 0x1\r\n\r\nx`],
      ["an empty Content-Length", `${LINE}Content-Length:\r\n\r\n`],
      ["a space in Content-Length", `${LINE}Content-Length: 1 1\r\n\r\nx`],
      ["a Content-Length beyond counting", `${LINE}Content-Length: 99999999999999999999\r\n\r\nx`],
      ["Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
      [
        "two Transfer-Encodings",
        `${LINE}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ],
      ["chunked twice", `${LINE}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
      ["a comma behind chunked", `${LINE}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`],
      ["a comma before chunked", `${LINE}Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n`],
      ["a parameter of chunked", `${LINE}Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n`],
      ["a quoted chunked", `${LINE}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`],
      ["a vertical tab before chunked", `${LINE}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
      ["a tab behind chunked", `${LINE}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`],
      ["a space behind chunked", `${LINE}Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n`],
      ["an empty Transfer-Encoding", `${LINE}Transfer-Encoding:\r\n\r\n`],
      ["a Connection that is no list of tokens", `${LINE}Connection: a b\r\n\r\n`],
      ["a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ],
  ],
  [414, [["a target longer than its bound", `GET /${"a".repeat(64)} HTTP/1.1\r\nHost: a\r\n\r\n`]]],
  [417, [["an unknown expectation", `${LINE}Expect: 200-ok\r\n\r\n`]]],
  [
    431,
    [
      ["a head longer than its bound", `${LINE}x: ${"a".repeat(512)}\r\n\r\n`],
      ["an unfinished head longer than its bound", `${LINE}x: ${"a".repeat(512)}`],
      ["more fields than their bound", `${LINE}${"x: y\r\n".repeat(10)}\r\n`],
    ],
  ],
  [
    501,
    [
      ["another transfer coding", `${LINE}Transfer-Encoding: gzip\r\n\r\n`],
      ["a coding before chunked", `${LINE}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
      ["a coding whose name ends like chunked", `${LINE}Transfer-Encoding: xchunked\r\n\r\n`],
      ["identity", `${LINE}Transfer-Encoding: identity\r\n\r\n`],
    ],
  ],
  [
    505,
    [
      ["HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
      ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
      ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
      ["HTTP/0.9 in words", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"],
    ],
  ],
];

const BOUNDS = { maxHeadBytes: 256, maxFields: 10, maxTargetBytes: 64 };

for (const [status, wires] of REFUSED) {
  for (const [why, wire] of wires) {
    test(`a request is refused with ${status} for ${why}`, () => {
      for (const step of [wire.length, 1]) {
        const recorder = readRequests(wire, { limits: BOUNDS, step });
        assert.equal(recorder.error?.kind.status, status, recorder.error?.detail ?? "accepted");
        assert.equal(recorder.messages.length, 0, "no head of a refused message is told");
      }
    });
  }
}

/** What an accepted request must look like; only the parts that matter are named. */
const ACCEPTED: readonly (readonly [behaviour: string, wire: string, head: Partial<RequestHead>])[] = [
  [
    "origin-form keeps path and query as they came",
    "GET /a%20b/?x=1&y HTTP/1.1\r\nHost: a:80\r\n\r\n",
    {
      target: "/a%20b/?x=1&y",
      authority: "a:80",
      version: 1,
      method: "GET",
      framing: "none",
      contentLength: -1,
      keepAlive: true,
    },
  ],
  [
    "a path that begins with two slashes is a path",
    "GET //evil/x HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "//evil/x", authority: "a" },
  ],
  [
    "a query may hold what URL parsers leave in it",
    "GET /?a[]={x|y}^`100% HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "/?a[]={x|y}^`100%" },
  ],
  [
    "absolute-form is reduced, and its authority replaces Host",
    "GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "/x?y", authority: "b:81", scheme: "http", fields: [] },
  ],
  [
    "absolute-form in any case of its scheme",
    "GET HTTP://b HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "/", authority: "b" },
  ],
  [
    "absolute-form with a query alone gets a path",
    "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "/?q", authority: "b" },
  ],
  [
    "OPTIONS in absolute-form without a path asks for the server",
    "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "*", authority: "b" },
  ],
  ["OPTIONS in asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", { target: "*", authority: "a" }],
  [
    "CONNECT names the authority",
    "CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "[::1]:443", authority: "[::1]:443", method: "CONNECT" },
  ],
  ["an extension method", "pURGE-all / HTTP/1.1\r\nHost: a\r\n\r\n", { method: "pURGE-all" }],
  [
    "two empty lines before the request are read over",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    { target: "/" },
  ],
  [
    "an IPv6 Host with a port",
    "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n",
    { authority: "[2001:db8::1]:8080" },
  ],
  [
    "HTTP/1.0 needs no Host and ends its connection",
    "GET / HTTP/1.0\r\n\r\n",
    { authority: "", version: 0, keepAlive: false },
  ],
  [
    "HTTP/1.0 may keep its connection",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    { keepAlive: true },
  ],
  [
    "HTTP/1.0 to a proxy may not",
    "GET http://a/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    { keepAlive: false },
  ],
  ["Connection: close ends the connection", `${LINE}Connection: foo, Close\r\n\r\n`, { keepAlive: false }],
  ["close wins over keep-alive", `${LINE}Connection: keep-alive, close\r\n\r\n`, { keepAlive: false }],
  [
    "order, case and duplicates of fields are kept",
    `${LINE}B: 1\r\na: 2\r\nb: \t3 \t\r\n__proto__: 4\r\nempty:\r\n\r\n`,
    { fields: ["B", "1", "a", "2", "b", "3", "__proto__", "4", "empty", ""] },
  ],
  [
    "obs-text in values passes byte for byte",
    `${LINE}x: \xe4\xff\x80\r\n\r\n`,
    { fields: ["x", "\xe4\xff\x80"] },
  ],
  ["a tab inside a value passes", `${LINE}x: a\tb\r\n\r\n`, { fields: ["x", "a\tb"] }],
  [
    "the hop's own fields are taken out",
    `${LINE}Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nConnection: te\r\nUpgrade: x\r\nHTTP2-Settings: y\r\nz: 1\r\n\r\n`,
    { fields: ["z", "1"], acceptsTrailers: true, upgrade: "" },
  ],
  [
    "fields that Connection names are taken out",
    `${LINE}a: 1\r\nConnection: A, ,b\r\nB: 2\r\nc: 3\r\n\r\n`,
    { fields: ["c", "3"] },
  ],
  [
    "framing and trusted fields cannot be named away",
    `${LINE}Content-Length: 0\r\nVia: 1.1 x\r\ntraceparent: t\r\nX-Request-Id: r\r\nX-Forwarded-For: f\r\nConnection: content-length, via, traceparent, host, x-request-id, x-forwarded-for, transfer-encoding\r\n\r\n`,
    {
      authority: "a",
      framing: "length",
      contentLength: 0,
      fields: [
        "Content-Length",
        "0",
        "Via",
        "1.1 x",
        "traceparent",
        "t",
        "X-Request-Id",
        "r",
        "X-Forwarded-For",
        "f",
      ],
    },
  ],
  [
    "an upgrade that Connection names is told in lower case",
    `${LINE}Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n`,
    { upgrade: "websocket", keepAlive: true, fields: [] },
  ],
  [
    "h2c is never told",
    `${LINE}Upgrade: h2c\r\nHTTP2-Settings: AA\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n`,
    { upgrade: "", fields: [] },
  ],
  [
    "h2c is left out of a list",
    `${LINE}Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n\r\n`,
    { upgrade: "websocket" },
  ],
  [
    "HTTP/1.0 cannot upgrade",
    "GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    { upgrade: "" },
  ],
  [
    "an expectation without a body means nothing",
    `${LINE}Expect: 100-continue\r\n\r\n`,
    { expectContinue: false, fields: [] },
  ],
  ["an underscore passes by default", `${LINE}x_y: 1\r\n\r\n`, { fields: ["x_y", "1"] }],
];

for (const [behaviour, wire, wanted] of ACCEPTED) {
  test(behaviour, () => {
    for (const step of [wire.length, 1]) {
      const { head, body, end } = readRequests(wire, { step }).only;
      for (const [name, value] of Object.entries(wanted)) {
        assert.deepEqual(head[name as keyof RequestHead], value, name);
      }
      assert.equal(body, "");
      assert.equal(end, "whole");
    }
  });
}

test("a body of known length is read and the next request waits", () => {
  const wire = `POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello${LINE}\r\n`;
  for (const step of [wire.length, 1, 7]) {
    const { messages } = readRequests(wire, { step });
    assert.equal(messages.length, 2);
    assert.equal(messages[0]?.body, "hello");
    assert.equal(messages[0]?.head.expectContinue, true);
    assert.equal(messages[0]?.head.contentLength, 5);
    assert.equal(messages[1]?.head.method, "GET");
    assert.equal(messages[1]?.end, "whole");
  }
});

test("a length with leading zeros is the number it spells in decimal", () => {
  const { head, body } = readRequests(`${LINE}Content-Length: 0010\r\n\r\n0123456789`).only;
  assert.equal(head.contentLength, 10);
  assert.equal(body, "0123456789");
});

test("bytes behind an upgrade's head are not read as a request unless they are offered", () => {
  const wire = `${LINE}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`;
  const heads: RequestHead[] = [];
  const recorder = readRequests(wire.slice(0, wire.indexOf("GET /smuggled")));
  heads.push(recorder.only.head);
  assert.equal(heads[0]?.upgrade, "websocket");
});

test("fields with underscores are refused or dropped when that is asked for", () => {
  const wire = `${LINE}x_y: 1\r\nz: 2\r\n\r\n`;
  assert.equal(readRequests(wire, { options: { underscores: "reject" } }).error?.kind.status, 400);
  assert.deepEqual(readRequests(wire, { options: { underscores: "drop" } }).only.head.fields, ["z", "2"]);
});

test("garbage is refused before a head could be complete", () => {
  for (const wire of ["GET /\r\n", "GET / HTTP/1.1\r\nHost: a\n", "\x80\x2e\x01", "GET / HTTP/2.0\r\n"]) {
    assert.notEqual(readRequests(wire).error, undefined, JSON.stringify(wire));
  }
});

test("a head that comes in pieces is bounded", () => {
  const { error } = readRequests(`GET /${"a".repeat(10_000)}`, { limits: BOUNDS, step: 100 });
  assert.equal(error?.kind.status, 414);
});

test("after a refusal nothing more is told", () => {
  const { messages, error } = readRequests(`GET  / HTTP/1.1\r\n\r\n${LINE}\r\n`);
  assert.equal(error?.kind.status, 400);
  assert.equal(messages.length, 0);
});

test("what follows a request that was to be the last is not read", () => {
  for (const last of [`${LINE}Connection: close\r\n\r\n`, "GET / HTTP/1.0\r\n\r\n"]) {
    const { messages, error } = readRequests(`${last}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(messages.length, 1);
    assert.equal(error, undefined);
  }
});

test("a reader that is closed inside an event tells nothing more", () => {
  for (const closeAt of ["head", "data"]) {
    const events: string[] = [];
    const told = (event: string): void => {
      events.push(event);
      if (event === closeAt) reader.close();
    };
    const reader: RequestReader = new RequestReader(
      { limits: DEFAULT_LIMITS, scheme: "http", underscores: "allow" },
      {
        onRequestHead: () => told("head"),
        onRequestData: () => told("data"),
        onRequestEnd: () => told("end"),
        onMalformed: () => told("malformed"),
      },
    );
    const wire = Buffer.from(`${LINE}Content-Length: 1\r\n\r\nx${LINE}\r\n`);
    assert.equal(reader.read(wire, 0), wire.length);
    assert.equal(events.at(-1), closeAt);
    reader.end();
    assert.equal(events.at(-1), closeAt);
  }
});

test("a connection that ends inside a request is a caller that left, between requests it is nothing", () => {
  const cases = [
    ["", undefined],
    [`${LINE}\r\n`, undefined],
    ["GET /", ERRORS.downstreamDisconnect],
    [`${LINE}Content-Length: 2\r\n\r\nx`, ERRORS.downstreamDisconnect],
  ] as const;
  for (const [wire, kind] of cases) {
    let found: unknown;
    const nothing = (): void => {};
    const reader = new RequestReader(
      { limits: DEFAULT_LIMITS, scheme: "http", underscores: "allow" },
      {
        onRequestHead: nothing,
        onRequestData: nothing,
        onRequestEnd: nothing,
        onMalformed: (error) => {
          found = error.kind;
        },
      },
    );
    reader.read(Buffer.from(wire), 0);
    reader.end();
    assert.equal(found, kind, wire);
  }
});
