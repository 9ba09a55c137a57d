import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import { cluster, ProxyBed } from "../support/proxy-bed.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";

const SEED = 20_260_103;
/** A fifth of what is run by hand: DASHPOT_TEST_REQUESTS=10000. */
const { DASHPOT_TEST_REQUESTS = "2000" } = process.env;
const REQUESTS = Number(DASHPOT_TEST_REQUESTS);
const CALLERS = 20;
const BODY = "abcdefghij".repeat(400);

/** A response that breaks off before its end, which only its framing can tell. */
const BEGINNINGS = [
  (cut: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY.slice(0, cut)}`,
  (cut: number) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY.slice(0, cut)}`,
  // Everything but the last chunk.
  () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n`,
  () =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n`,
];

/** A body without a length: here a FIN is its end and a reset is not. */
const UNTIL_CLOSED = (cut: number) => `HTTP/1.1 200 OK\r\n\r\n${BODY.slice(0, cut)}`;

/** Would a caller that keeps to RFC 9112, section 8 take this for a whole message? */
function isWhole(text: string, wasReset: boolean): boolean {
  const [head = "", body = ""] = text.split("\r\n\r\n", 2);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length);
  if (/^transfer-encoding: chunked$/im.test(head)) return text.endsWith("0\r\n\r\n");
  return !wasReset;
}

test("a response that breaks off within its body never reaches a caller as a whole one", async (t) => {
  const random = seededRandom(SEED);
  const backend = await ScriptedBackend.start(async (connection) => {
    await connection.takeMessage();
    const cut = Math.floor(random() * BODY.length);
    const lot = Math.floor(random() * (BEGINNINGS.length + 1));
    const begin = BEGINNINGS[lot] ?? UNTIL_CLOSED;
    connection.socket.write(begin(cut), "latin1", () => {
      if (begin === UNTIL_CLOSED || random() < 0.5) connection.socket.resetAndDestroy();
      else connection.socket.end();
    });
  });
  t.after(() => backend.close());
  const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
  t.after(() => bed.close());

  let begun = 0;
  const caller = async (): Promise<void> => {
    for (let i = 0; i < REQUESTS / CALLERS; i++) {
      const version = random() < 0.5 ? "1.1" : "1.0";
      const connection = await RawConnection.open(bed.port);
      connection.send(`POST / HTTP/${version}\r\nHost: orders\r\nContent-Length: 0\r\n\r\n`);
      const text = await connection.untilEnded();
      if (text.startsWith("HTTP/1.1 200 ")) {
        begun++;
        assert.ok(
          !isWhole(text, connection.wasReset),
          `seed ${SEED}: taken for whole: ${text.slice(0, 200)}`,
        );
      } else assert.match(text, /^HTTP\/1\.1 50[23] /);
      connection.socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  assert.ok(begun > REQUESTS / 4, `${begun} responses had begun to reach their callers`);
  t.diagnostic(`${begun} of ${REQUESTS} responses had begun when they broke off`);
});
