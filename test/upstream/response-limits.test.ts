import assert from "node:assert/strict";
import { test } from "node:test";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

const HINT = "HTTP/1.1 103 Early Hints\r\n\r\n";

test("a response just within the limits that are set passes, one beyond any of them is a 502", async (t) => {
  let answer = "";
  const backend = await ScriptedBackend.start(async (connection) => {
    await connection.takeMessage();
    connection.send(answer);
  });
  const bed = await ProxyBed.start({
    clusters: [cluster("orders", [backend.port], { maxRequestsPerConnection: 1 })],
    limits: {
      maxResponseHeadBytes: 200,
      maxResponseFields: 4,
      maxInformationalResponses: 2,
      maxChunkLineBytes: 32,
    },
  });
  t.after(() => Promise.all([bed.close(), backend.close()]));
  const plain = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}Content-Length: 0\r\n\r\n`;
  const chunked = (line: string): string =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${line}\r\nx\r\n0\r\n\r\n`;
  for (const [within, beyond] of [
    [plain(`A: ${"a".repeat(140)}\r\n`), plain(`A: ${"a".repeat(200)}\r\n`)],
    [plain("A: a\r\n".repeat(3)), plain("A: a\r\n".repeat(4))],
    [HINT.repeat(2) + plain(""), HINT.repeat(3) + plain("")],
  ] as const) {
    answer = within;
    assert.match(await last(bed), /^HTTP\/1\.1 200 /, within);
    answer = beyond;
    assert.match(await last(bed), /^HTTP\/1\.1 502 /, beyond);
  }
  answer = chunked(`1;${"e".repeat(20)}`);
  assert.match(await last(bed), /^HTTP\/1\.1 200 /);
  answer = chunked(`1;${"e".repeat(40)}`);
  const connection = await bed.connect();
  connection.send(GET);
  assert.doesNotMatch(await connection.untilEnded(), /\r\n0\r\n\r\n$/);
});

/** The final response, behind the interim ones. */
async function last(bed: ProxyBed): Promise<string> {
  const connection = await bed.connect();
  connection.send(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  const text = await connection.untilEnded();
  return text.slice(text.lastIndexOf("HTTP/1.1 "));
}
