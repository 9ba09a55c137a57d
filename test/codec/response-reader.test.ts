import assert from "node:assert/strict";
import test from "node:test";
import type { ResponseHead } from "../../sidecar/codec/head.ts";
import { DEFAULT_LIMITS } from "../../sidecar/codec/limits.ts";
import { ResponseReader } from "../../sidecar/codec/response-reader.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import { type ResponseSettings, readResponse } from "./recorder.ts";

const OK = "HTTP/1.1 200 OK\r\n";

const ACCEPTED: readonly (readonly [
  behaviour: string,
  wire: string,
  head: Partial<ResponseHead>,
  body: string,
  settings?: ResponseSettings,
])[] = [
  [
    "a body of known length",
    `${OK}Content-Length: 3\r\n\r\nabc`,
    { framing: "length", contentLength: 3, keepAlive: true, fields: ["Content-Length", "3"] },
    "abc",
  ],
  [
    "an empty body is over with its head",
    `${OK}Content-Length: 0\r\n\r\n`,
    { framing: "length", contentLength: 0 },
    "",
  ],
  [
    "a chunked body",
    `${OK}Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    { framing: "chunked", fields: [] },
    "abc",
  ],
  [
    "a body without any length ends with the connection",
    `${OK}\r\nabc`,
    { framing: "close", keepAlive: false },
    "abc",
    { fin: true },
  ],
  [
    "the answer to HEAD keeps the length that GET would have",
    `${OK}Content-Length: 3\r\n\r\n`,
    { framing: "none", contentLength: -1, fields: ["Content-Length", "3"] },
    "",
    { method: "HEAD" },
  ],
  [
    "the answer to HEAD has no chunks",
    `${OK}Transfer-Encoding: chunked\r\n\r\n`,
    { framing: "none", fields: [] },
    "",
    { method: "HEAD" },
  ],
  [
    "304 has no body",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
    { framing: "none", fields: ["Content-Length", "3"] },
    "",
  ],
  [
    "204 has no body and no length",
    "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
    { framing: "none", fields: [] },
    "",
  ],
  ["an empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", { status: 200, reason: "" }, ""],
  ["a reason with obs-text", "HTTP/1.1 200 s\xe4 s\r\nContent-Length: 0\r\n\r\n", { reason: "s\xe4 s" }, ""],
  [
    "HTTP/1.0 ends its connection",
    "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    { version: 0, keepAlive: false },
    "",
  ],
  [
    "HTTP/1.0 may keep its connection",
    "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
    { keepAlive: true },
    "",
  ],
  [
    "Connection: close ends it",
    `${OK}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    { keepAlive: false, fields: ["Content-Length", "0"] },
    "",
  ],
  [
    "the hop's own and nominated fields are taken out",
    `${OK}a: 1\r\nConnection: a\r\nKeep-Alive: x\r\nUpgrade: y\r\nContent-Length: 0\r\nHost: z\r\nb: 2\r\n\r\n`,
    { fields: ["Content-Length", "0", "Host", "z", "b", "2"] },
    "",
  ],
];

for (const [behaviour, wire, wanted, body, settings] of ACCEPTED) {
  test(`a response is read: ${behaviour}`, () => {
    for (const step of [wire.length, 1]) {
      const response = readResponse(wire, { ...settings, step });
      const message = response.only;
      for (const [name, value] of Object.entries(wanted)) {
        assert.deepEqual(message.head[name as keyof ResponseHead], value, name);
      }
      assert.equal(message.body, body);
      assert.equal(message.end, "whole");
      assert.equal(response.isReusable, message.head.keepAlive);
    }
  });
}

const REFUSED: readonly (readonly [why: string, wire: string])[] = [
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"],
  ["HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n"],
  ["no space behind the status", "HTTP/1.1 200\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
  ["a status below 100", "HTTP/1.1 099 x\r\n\r\n"],
  ["a status above 599", "HTTP/1.1 600 x\r\n\r\n"],
  ["NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
  ["an empty line before the status line", "\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["another protocol", "SSH-2.0-x\r\n\r\n"],
  ["obs-fold", `${OK}a: b\r\n c\r\n\r\n`],
  ["a space before a colon", `${OK}Content-Length : 3\r\n\r\nabc`],
  [
    "Content-Length beside Transfer-Encoding",
    `${OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["two Content-Lengths", `${OK}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
  ["a list in Content-Length", `${OK}Content-Length: 3, 3\r\n\r\nabc`],
  ["another transfer coding", `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["Transfer-Encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a broken chunk", `${OK}Transfer-Encoding: chunked\r\n\r\nx\r\n`],
  [
    "a 101 that was not asked for",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  ],
  ["more interim responses than allowed", "HTTP/1.1 103 x\r\n\r\n".repeat(17)],
  ["an interim response with a length", "HTTP/1.1 103 x\r\nContent-Length: 2\r\n\r\n"],
  ["an interim response with chunks", "HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["a head longer than its bound", `${OK}a: ${"b".repeat(70_000)}\r\n\r\n`],
  ["an unfinished head longer than its bound", `${OK}a: ${"b".repeat(70_000)}`],
];

for (const [why, wire] of REFUSED) {
  test(`a response is refused for ${why}`, () => {
    for (const step of [wire.length, 1]) {
      const response = readResponse(wire, { step });
      assert.equal(response.error?.kind.status, 502, response.error?.detail ?? "accepted");
      assert.notEqual(response.messages.at(-1)?.end, "whole");
      assert.equal(response.isReusable, false);
    }
  });
}

test("interim responses are told before the final one, asked for or not", () => {
  const wire = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 1\r\n\r\nx`;
  for (const step of [wire.length, 1]) {
    const response = readResponse(wire, { step });
    assert.deepEqual(
      response.interim.map(({ status }) => status),
      [100, 103],
    );
    assert.deepEqual(response.interim[1]?.fields, ["Link", "x"]);
    assert.equal(response.only.body, "x");
  }
});

test("a 101 with the protocol that was asked for begins a tunnel, and the bytes behind it are not read", () => {
  const wire =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  const response = readResponse(wire, { upgrade: "websocket" });
  assert.equal(response.tunnel?.status, 101);
  assert.equal(response.tunnel?.upgrade, "websocket");
  assert.equal(response.rest, "HTTP/1.1 200 OK\r\n\r\n");
  assert.equal(response.isReusable, false);
});

test("a 101 with another protocol is an upgrade that failed", () => {
  const wire = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n";
  const { error } = readResponse(wire, { upgrade: "websocket" });
  assert.equal(error?.kind, ERRORS.upstreamUpgrade);
});

test("an upgrade that is refused is a response like any other", () => {
  const response = readResponse(`${OK}Content-Length: 2\r\n\r\nno`, { upgrade: "websocket" });
  assert.equal(response.only.body, "no");
  assert.equal(response.tunnel, undefined);
});

test("a 2xx to CONNECT begins a tunnel whatever framing it claims", () => {
  const response = readResponse(`${OK}Content-Length: 5\r\na: b\r\n\r\nbytes`, { method: "CONNECT" });
  assert.deepEqual(response.tunnel?.fields, ["a", "b"]);
  assert.equal(response.rest, "bytes");
  const refused = readResponse("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", { method: "CONNECT" });
  assert.equal(refused.only.body, "no");
});

test("a connection with bytes left over behind a response is not used again", () => {
  for (const body of [
    "Content-Length: 1\r\n\r\nx",
    "Content-Length: 0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ]) {
    const response = readResponse(`${OK}${body}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n`);
    assert.equal(response.only.end, "whole");
    assert.equal(response.isReusable, false);
    assert.match(response.rest, /^HTTP/);
  }
});

test("a connection that closes inside a response truncates it, one that closes before is reset", () => {
  const cases = [
    ["", ERRORS.upstreamReset],
    ["HTTP/1.1 2", ERRORS.upstreamTruncated],
    ["HTTP/1.1 100 Continue\r\n\r\n", ERRORS.upstreamTruncated],
    [`${OK}Content-Length: 3\r\n\r\nab`, ERRORS.upstreamTruncated],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, ERRORS.upstreamTruncated],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n`, ERRORS.upstreamTruncated],
  ] as const;
  for (const [wire, kind] of cases) assert.equal(readResponse(wire, { fin: true }).error?.kind, kind, wire);
});

test("a request sent as soon as a response has ended is not answered by bytes that came before it", () => {
  const answered: number[] = [];
  const reader: ResponseReader = new ResponseReader(DEFAULT_LIMITS, {
    onInformational: () => {},
    onResponseHead: ({ status }) => answered.push(status),
    onResponseData: () => {},
    onResponseEnd: () => {
      assert.equal(reader.isReusable, false);
      reader.expect("GET", "");
    },
    onTunnel: () => {},
    onMalformed: () => {},
  });
  reader.expect("GET", "");
  const poison = Buffer.from(`${OK}Content-Length: 0\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n`);
  assert.ok(reader.read(poison, 0) < poison.length);
  assert.deepEqual(answered, [200]);
});

test("bytes that answer no request are refused", () => {
  const errors: string[] = [];
  const nothing = (): void => assert.fail("an event");
  const reader = new ResponseReader(DEFAULT_LIMITS, {
    onInformational: nothing,
    onResponseHead: nothing,
    onResponseData: nothing,
    onResponseEnd: nothing,
    onTunnel: nothing,
    onMalformed: ({ detail }) => errors.push(detail),
  });
  reader.read(Buffer.from(`${OK}Content-Length: 0\r\n\r\n`), 0);
  assert.deepEqual(errors, ["bytes that answer no request"]);
});

test("what cannot become a response is refused at its first wrong byte, also behind an interim one", () => {
  const right = ["", "H", "HTTP/1.", "HTTP/1.1 2", "HTTP/1.1 103 X\r\n\r\n", "HTTP/1.1 103 X\r\n\r\nHTT"];
  for (const wire of right) assert.equal(readResponse(wire).error, undefined, wire);
  const wrong = ["h", "HTTPS", "HTTP/2", " ", "\r", "HTTP/1.1 103 X\r\n\r\nX"];
  for (const wire of wrong) assert.equal(readResponse(wire).error?.kind, ERRORS.malformedResponse, wire);
});
