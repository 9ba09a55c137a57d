import assert from "node:assert/strict";
import test from "node:test";
import type { RequestHead, ResponseHead } from "../../sidecar/codec/head.ts";
import { WireBuffer } from "../../sidecar/codec/wire-buffer.ts";
import {
  framingFor,
  writeChunkEnd,
  writeChunkHeader,
  writeLastChunk,
  writeRequestHead,
  writeResponseHead,
} from "../../sidecar/codec/writer.ts";
import { readRequests, readResponse } from "./recorder.ts";

const REQUEST: RequestHead = {
  method: "GET",
  target: "/x?y",
  authority: "a:80",
  scheme: "http",
  version: 1,
  fields: ["B", "1", "a", "\xe4"],
  framing: "none",
  contentLength: -1,
  keepAlive: true,
  upgrade: "",
  expectContinue: false,
  acceptsTrailers: false,
};

const RESPONSE: ResponseHead = {
  status: 200,
  reason: "OK",
  version: 1,
  fields: ["B", "1"],
  framing: "length",
  contentLength: 3,
  keepAlive: true,
  upgrade: "",
};

/** Into little room, so that it has to grow. */
function written(write: (out: WireBuffer) => void): Buffer {
  const out = new WireBuffer(16);
  write(out);
  return out.bytes.subarray(0, out.length);
}

const request = (parts: Partial<RequestHead>, keepAlive = true): string =>
  written((out) => writeRequestHead(out, { ...REQUEST, ...parts }, keepAlive)).toString("latin1");

const response = (parts: Partial<ResponseHead>, version: 0 | 1 | 2 = 1, keepAlive = true): string =>
  written((out) => writeResponseHead(out, { ...RESPONSE, ...parts }, version, keepAlive)).toString("latin1");

test("a request goes out with Host first and its fields in their order and case", () => {
  assert.equal(request({}), "GET /x?y HTTP/1.1\r\nHost: a:80\r\nB: 1\r\na: \xe4\r\n\r\n");
});

test("a request's framing is written from its head, and a length that is not true is dropped", () => {
  const fields = ["Content-length", "99", "z", "1"];
  const lines = "GET /x?y HTTP/1.1\r\nHost: a:80\r\n";
  assert.equal(
    request({ fields, framing: "length", contentLength: 3 }),
    `${lines}Content-length: 3\r\nz: 1\r\n\r\n`,
  );
  assert.equal(request({ fields, framing: "chunked" }), `${lines}z: 1\r\nTransfer-Encoding: chunked\r\n\r\n`);
  assert.equal(request({ fields }), `${lines}z: 1\r\n\r\n`);
  assert.equal(
    request({ fields: [], framing: "length", contentLength: 0 }),
    `${lines}Content-Length: 0\r\n\r\n`,
  );
  const twice = ["content-length", "1", "content-length", "2"];
  assert.equal(
    request({ fields: twice, framing: "length", contentLength: 3 }),
    `${lines}content-length: 3\r\n\r\n`,
  );
});

test("what a request says about the hop is named by Connection", () => {
  const lines = "GET /x?y HTTP/1.1\r\nHost: a:80\r\n";
  const fields: string[] = [];
  assert.equal(request({ fields }, false), `${lines}Connection: close\r\n\r\n`);
  assert.equal(
    request({ fields, upgrade: "websocket" }),
    `${lines}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
  );
  assert.equal(
    request({ fields, acceptsTrailers: true }, false),
    `${lines}TE: trailers\r\nConnection: close, TE\r\n\r\n`,
  );
  assert.equal(request({ fields, expectContinue: true }), `${lines}Expect: 100-continue\r\n\r\n`);
});

test("a response is framed for the caller's version of HTTP", () => {
  const fields: string[] = [];
  assert.equal(framingFor("chunked", 0), "close");
  assert.equal(framingFor("close", 1), "chunked");
  assert.equal(framingFor("length", 0), "length");
  assert.equal(framingFor("none", 0), "none");
  assert.equal(response({ fields }), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  assert.equal(
    response({ fields, framing: "close" }),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  assert.equal(response({ fields, framing: "chunked" }, 0), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  assert.equal(
    response({ fields }, 0),
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
  );
  assert.equal(
    response({ fields }, 1, false),
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
  );
});

test("an answer without a body keeps the length it tells of", () => {
  const fields = ["Content-Length", "17"];
  assert.equal(response({ fields, framing: "none" }), "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n");
});

test("interim responses say nothing about the connection, a 101 what it switches to", () => {
  const parts: Partial<ResponseHead> = { reason: "", fields: ["Link", "x"], framing: "none" };
  assert.equal(response({ ...parts, status: 103 }, 1, false), "HTTP/1.1 103 \r\nLink: x\r\n\r\n");
  assert.equal(
    response({ ...parts, fields: [], status: 101, upgrade: "websocket" }),
    "HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
});

test("a body follows its head in the same buffer", () => {
  const bytes = written((out) => {
    writeResponseHead(out, { ...RESPONSE, fields: [] }, 1, true);
    out.copy(Buffer.from("abc"));
  });
  assert.equal(bytes.toString("latin1"), "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
});

test("nothing in a head can end a line", () => {
  // U+010D and U+010A are CR and LF once latin1 has cut them.
  for (const evil of ["\r\nevil: 1", "\nevil: 1", "\revil: 1", "\u010d\u010aevil: 1", "\0", "\t\r\n"]) {
    const heads = [
      request({ method: `G${evil}` }),
      request({ target: `/${evil}` }),
      request({ authority: `a${evil}` }),
      request({ upgrade: `w${evil}` }),
      request({ fields: ["x", `y${evil}`] }),
      request({ fields: [`x${evil}`, "y"] }),
      response({ reason: `O${evil}` }),
      response({ fields: ["x", `y${evil}`] }),
      response({ status: 101, upgrade: `w${evil}`, framing: "none" }),
    ];
    for (const head of heads) {
      assert.doesNotMatch(head, /[\r\n]evil/);
      assert.doesNotMatch(head.replaceAll("\r\n", ""), /[\0\r\n]/);
      assert.equal(head.indexOf("\r\n\r\n"), head.length - 4);
    }
  }
  const last = written((out) => writeLastChunk(out, ["x", "y\r\nz: 1"]));
  assert.doesNotMatch(last.toString(), /\nz/);
});

test("a tab in a value is kept", () => {
  assert.match(request({ fields: ["x", "a\tb"] }), /x: a\tb\r\n/);
});

test("a head larger than the room that is left is written whole", () => {
  const value = "v".repeat(100_003);
  const wire = request({ fields: ["x", value] });
  const message = readRequests(wire, { limits: { maxHeadBytes: 200_000 } }).only;
  assert.deepEqual(message.head.fields, ["x", value]);
});

test("chunks and trailers are written as they are read", () => {
  const data = Buffer.from("a".repeat(300), "latin1");
  const head = response({ fields: [], framing: "chunked" });
  const wire = written((out) => {
    out.copy(Buffer.from(head, "latin1"));
    for (const chunk of [data, Buffer.from("abc")]) {
      writeChunkHeader(out, chunk.length);
      out.copy(chunk);
      writeChunkEnd(out);
    }
    writeLastChunk(out, ["x", "1"]);
  });
  const message = readResponse(wire).only;
  assert.equal(message.body, `${data}abc`);
  assert.deepEqual(message.end, ["x", "1"]);
  assert.equal(written((out) => writeLastChunk(out, undefined)).toString(), "0\r\n\r\n");
});

test("what was read and written again is read the same", () => {
  const wire =
    "POST /p?q HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 3\r\nUpgrade: x\r\nConnection: upgrade, close, te\r\nTE: trailers\r\nExpect: 100-continue\r\n\r\nabc";
  const { head, body } = readRequests(wire).only;
  const again = written((out) => {
    writeRequestHead(out, head, head.keepAlive);
    out.copy(Buffer.from(body));
  });
  assert.deepEqual(readRequests(again).only.head, head);
});

test("fields leave alike whether they are copied as they came or written one by one", () => {
  const heads = [
    "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: \xe4\r\nZ:\r\n\r\n",
    "GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\nY: 2\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nConnection: y\r\nY: 2\r\nZ: 3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX:1\r\nY: 2 \r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 3\r\nY: 2\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 03\r\nY: 2\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\nY: 2\r\n\r\n0\r\n\r\n",
  ];
  const changes: ((fields: string[]) => void)[] = [
    () => {},
    (fields) => fields.push("traceparent", "00"),
    (fields) => fields.splice(0, 2),
    (fields) => fields.splice(2, 2),
    (fields) => fields.splice(1, 1, "other"),
    (fields) => fields.splice(0, fields.length),
  ];
  for (const wire of heads) {
    for (const change of changes) {
      const { head } = readRequests(wire).only;
      change(head.fields);
      const { block: _, ...apart } = head;
      const asCame = written((out) => writeRequestHead(out, head, true)).toString("latin1");
      assert.equal(asCame, written((out) => writeRequestHead(out, apart, true)).toString("latin1"));
      const { block: __, ...response } = { ...RESPONSE, fields: head.fields, block: head.block };
      for (const framing of ["none", "length", "chunked", "close"] as const) {
        const contentLength = framing === "length" ? 3 : -1;
        const whole = { ...response, framing, contentLength, block: head.block };
        assert.equal(
          written((out) => writeResponseHead(out, whole, 1, true)).toString("latin1"),
          written((out) => writeResponseHead(out, { ...response, framing, contentLength }, 1, true)).toString(
            "latin1",
          ),
        );
      }
    }
  }
});

test("fields that stand together are read as a block", () => {
  const { head } = readRequests("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n").only;
  assert.deepEqual(head.block, { text: "X: 1\r\nY: 2\r\n", fields: ["X", "1", "Y", "2"], contentLength: -1 });
});
