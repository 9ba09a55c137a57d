import assert from "node:assert/strict";
import test from "node:test";
import type { FieldLines } from "../../sidecar/codec/head.ts";
import { readRequests } from "./recorder.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

const ACCEPTED: readonly (readonly [
  behaviour: string,
  body: string,
  data: string,
  end: "whole" | FieldLines,
])[] = [
  ["an empty body", "0\r\n\r\n", "", "whole"],
  ["several chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", "whole"],
  [
    "hexadecimal sizes in either case",
    "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "01234567890123456789",
    "whole",
  ],
  ["zeros before a size", "0003\r\nabc\r\n000\r\n\r\n", "abc", "whole"],
  ["line ends inside of data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "whole"],
  ["an extension without a value", "3;x\r\nabc\r\n0;y\r\n\r\n", "abc", "whole"],
  ["extensions with values", "3;x=y;z=1\r\nabc\r\n0\r\n\r\n", "abc", "whole"],
  ["a quoted extension value", '3;x="y;\\"\t z"\r\nabc\r\n0\r\n\r\n', "abc", "whole"],
  ["bad white space around an extension", '3 ; x = "y" ; z\r\nabc\r\n0\r\n\r\n', "abc", "whole"],
  ["trailers", "3\r\nabc\r\n0\r\nX-Sum: 1\r\ny:\r\n\r\n", "abc", ["X-Sum", "1", "y", ""]],
  ["hop-by-hop trailers are dropped", "0\r\nConnection: x\r\nKeep-Alive: 1\r\na: b\r\n\r\n", "", ["a", "b"]],
];

const REFUSED: readonly (readonly [why: string, body: string])[] = [
  ["no size", "\r\nabc\r\n0\r\n\r\n"],
  ["a size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"],
  ["a size with a sign", "+3\r\nabc\r\n0\r\n\r\n"],
  ["a size with an underscore", "1_0\r\nabc\r\n0\r\n\r\n"],
  ["white space before a size", " 3\r\nabc\r\n0\r\n\r\n"],
  ["white space behind a size", "3 \r\nabc\r\n0\r\n\r\n"],
  ["a tab behind a size", "3\t\r\nabc\r\n0\r\n\r\n"],
  ["a size beyond counting", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"],
  ["a size that wraps 64 bits to 3", "10000000000000003\r\nabc\r\n0\r\n\r\n"],
  ["a size line that ends with LF", "3\nabc\r\n0\r\n\r\n"],
  ["a size line that ends with CR", "3\rabc\r\n0\r\n\r\n"],
  ["a size line with two CRs", "3\r\r\nabc\r\n0\r\n\r\n"],
  ["an extension without a name", "3;\r\nabc\r\n0\r\n\r\n"],
  ["an extension with a bare LF", "3;x\nabc\r\n0\r\n\r\n"],
  ["an extension with a bare CR", "3;x\ry\r\nabc\r\n0\r\n\r\n"],
  ["a quoted extension with a line end", '3;x="\r\n"\r\nabc\r\n0\r\n\r\n'],
  ["an unfinished quoted extension", '3;x="y\r\nabc\r\n0\r\n\r\n'],
  ["an extension with NUL", "3;x=\0\r\nabc\r\n0\r\n\r\n"],
  ["white space behind an extension", "3;x \r\nabc\r\n0\r\n\r\n"],
  ["a size line longer than its bound", `3;x=${"y".repeat(1_100)}\r\nabc\r\n0\r\n\r\n`],
  ["data longer than their size", "3\r\nabcd\r\n0\r\n\r\n"],
  ["data shorter than their size", "4\r\nabc\r\n0\r\n\r\n"],
  ["data that end with a bare LF", "3\r\nabc\n0\r\n\r\n"],
  ["data that end with a bare CR", "3\r\nabc\r0\r\n\r\n"],
  ["Content-Length in the trailers", "0\r\nContent-Length: 3\r\n\r\n"],
  ["Transfer-Encoding in the trailers", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["Host in the trailers", "0\r\nHost: b\r\n\r\n"],
  ["obs-fold in the trailers", "0\r\na: b\r\n c\r\n\r\n"],
  ["a bare LF in the trailers", "0\r\na: b\n\r\n"],
  ["a bare LF for the end", "0\r\n\n"],
  ["NUL in the trailers", "0\r\na: \0\r\n\r\n"],
  ["a trailer without a colon", "0\r\nGET / HTTP/1.1\r\n\r\n"],
  ["trailers longer than their bound", `0\r\na: ${"b".repeat(70_000)}\r\n\r\n`],
  ["more trailers than their bound", `0\r\n${"a: b\r\n".repeat(101)}\r\n`],
];

for (const [behaviour, body, data, end] of ACCEPTED) {
  test(`a chunked body is read: ${behaviour}`, () => {
    for (const step of [1, 2, 3, 1_000]) {
      const message = readRequests(HEAD + body, { step }).only;
      assert.equal(message.body, data);
      assert.deepEqual(message.end, end);
    }
  });
}

for (const [why, body] of REFUSED) {
  test(`a chunked body is refused for ${why}`, () => {
    for (const step of [1, 100_000]) {
      const { error, messages } = readRequests(HEAD + body, { step });
      assert.ok(error, "accepted");
      assert.ok([400, 431].includes(error.kind.status));
      assert.equal(messages.length, 1);
      assert.equal(messages[0]?.end, "open", "a refused body never looks whole");
    }
  });
}
