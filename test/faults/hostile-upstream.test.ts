import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";
import { type Measured, MeasuredSidecar } from "./measured-sidecar.ts";

const MIB = 1024 * 1024;
const CALLERS = 10;

function held({ heapUsed, external }: Measured): number {
  return heapUsed + external;
}

/** Writes `text` again and again until the peer closes or `bytes` were taken; tells how many were. */
async function pour({ socket }: RawConnection, text: string, bytes: number): Promise<number> {
  const block = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)), "latin1");
  let written = 0;
  while (written < bytes && !socket.destroyed) {
    written += block.length;
    if (socket.write(block)) continue;
    await new Promise<void>((resolve) => {
      socket.once("drain", resolve);
      socket.once("close", resolve);
    });
  }
  return written;
}

const ENDLESS: Readonly<Record<string, readonly [begin: string, more: string]>> = {
  "a field line": ["HTTP/1.1 200 OK\r\nX-Long: ", "long "],
  "field lines": ["HTTP/1.1 200 OK\r\n", "X-Many: many\r\n"],
  "a status line": ["HTTP/1.1 200 ", "OK "],
  "interim responses": ["", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"],
  "chunk extensions": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5", ";extension=more"],
  "trailer lines": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Many: many\r\n"],
  "a chunk size": ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"],
};

test("an upstream that sends parts of a message without end costs its caller the answer and the sidecar no memory", async (t) => {
  let poured = 0;
  const backend = await ScriptedBackend.start(async (connection) => {
    const what = /^X-What: (.*)\r$/m.exec(await connection.takeMessage())?.[1] ?? "";
    const [begin, more] = ENDLESS[what] ?? ["", ""];
    connection.send(begin);
    poured = await pour(connection, more, 64 * MIB);
  });
  t.after(() => backend.close());
  const sidecar = await MeasuredSidecar.start(t, { endpoints: [backend.port] });
  const before = await sidecar.measure();
  for (const what of Object.keys(ENDLESS)) {
    poured = Number.POSITIVE_INFINITY;
    const connection = await RawConnection.open(sidecar.listener);
    connection.send(`POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 0\r\nX-What: ${what}\r\n\r\n`);
    await eventually(
      () =>
        connection.ended ||
        connection.text.includes("\r\nHTTP/1.1 502 ") ||
        connection.text.startsWith("HTTP/1.1 502 "),
      `${what}: the caller is told`,
    );
    assert.doesNotMatch(connection.text, /^HTTP\/1\.1 200 [\s\S]*\r\n0\r\n\r\n$/, `${what}: it looks whole`);
    await eventually(() => poured < 64 * MIB, `${what}: the proxy closes the connection`);
    connection.socket.destroy();
    const after = await sidecar.until(
      ({ counts }) => counts.exchanges + counts.upstreamConnections === 0,
      `${what}: it ends`,
    );
    const more = held(after) - held(before);
    assert.ok(more < 2 * MIB, `${what}: ${more} bytes more are held`);
    t.diagnostic(`${what}: ${Math.round(poured / 1024)} KiB left the upstream, ${more} bytes more are held`);
  }
});

test("callers that do not read hold up their upstreams and not the sidecar's memory", async (t) => {
  const backend = await ScriptedBackend.start(async (connection) => {
    await connection.takeMessage();
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
    await pour(connection, "data ", 1024 * MIB);
  });
  t.after(() => backend.close());
  const sidecar = await MeasuredSidecar.start(t, { endpoints: [backend.port] });
  const before = await sidecar.measure();
  const callers = await Promise.all(
    Array.from({ length: CALLERS }, () => RawConnection.open(sidecar.listener)),
  );
  t.after(() => {
    for (const { socket } of callers) socket.destroy();
  });
  for (const caller of callers) {
    caller.socket.pause();
    caller.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
  }
  let last = -1;
  const full = await sidecar.until(({ counts }) => {
    const still = counts.exchanges === CALLERS && counts.bufferedBytes > 0 && counts.bufferedBytes === last;
    last = counts.bufferedBytes;
    return still;
  }, "nothing moves any more");
  const each = (held(full) - held(before)) / CALLERS;
  assert.ok(each < MIB, `${each} bytes are held for each`);
  t.diagnostic(`${Math.round(each / 1024)} KiB for each caller`);
  for (const { socket } of callers) socket.destroy();
  await sidecar.until(({ counts }) => counts.exchanges + counts.upstreamConnections === 0, "all is given up");
});

test("upstreams that do not read hold up their callers and not the sidecar's memory", async (t) => {
  const backend = await ScriptedBackend.start(({ socket }) => socket.pause());
  t.after(() => backend.close());
  const sidecar = await MeasuredSidecar.start(t, { endpoints: [backend.port] });
  const before = await sidecar.measure();
  const callers = await Promise.all(
    Array.from({ length: CALLERS }, () => RawConnection.open(sidecar.listener)),
  );
  t.after(() => {
    for (const { socket } of callers) socket.destroy();
  });
  for (const caller of callers) {
    caller.send(`PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
    void pour(caller, "data ", 1024 * MIB);
  }
  let last = -1;
  const full = await sidecar.until((measured) => {
    const still = measured.counts.attempts === CALLERS && measured.external === last;
    last = measured.external;
    return still;
  }, "nothing moves any more");
  const each = (held(full) - held(before)) / CALLERS;
  assert.ok(each < MIB, `${each} bytes are held for each`);
  t.diagnostic(`${Math.round(each / 1024)} KiB for each caller`);
  await backend.close();
  await sidecar.until(({ counts }) => counts.exchanges + counts.upstreamConnections === 0, "all is given up");
});
