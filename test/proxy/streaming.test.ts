import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { cluster, GET, ProxyBed } from "../support/proxy-bed.ts";
import type { RawConnection } from "../support/raw-http.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

/** Writes as fast as the peer takes it; tells how much is written. */
function pour(connection: RawConnection, bytes: number, progress: (written: number) => void): void {
  const block = Buffer.alloc(64 * 1024, "x");
  let written = 0;
  const more = (): void => {
    while (written < bytes) {
      written += block.length;
      progress(written);
      if (!connection.socket.write(block)) {
        connection.socket.once("drain", more);
        return;
      }
    }
  };
  more();
}

suite("streaming", () => {
  test("a slow reader pauses the upstream, and gets every byte when it reads on", async (t) => {
    let written = 0;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      pour(connection, SIZE, (bytes) => {
        written = bytes;
      });
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    let received = 0;
    connection.socket.removeAllListeners("data");
    connection.socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    connection.socket.pause();
    connection.send(GET);
    let last = -1;
    // Paused when the backend's socket buffers are full and nothing moves any more.
    await eventually(() => {
      const still = written > 0 && written === last && bed.proxy.counts().bufferedBytes > 0;
      last = written;
      return still;
    }, "the backend is stopped");
    assert.ok(written < SIZE, "not all was taken from the upstream");
    assert.ok(
      bed.proxy.counts().bufferedBytes < 2 * MIB,
      `${bed.proxy.counts().bufferedBytes} bytes are held`,
    );
    connection.socket.resume();
    await eventually(() => received >= SIZE, "everything arrives");
    await eventually(() => bed.proxy.counts().exchanges === 0, "the exchange ends");
    connection.socket.destroy();
  });

  test("a slow upstream pauses the caller, and gets every byte when it reads on", async (t) => {
    let received = 0;
    let upstream: RawConnection | undefined;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeUntil("\r\n\r\n");
      connection.socket.removeAllListeners("data");
      connection.socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (received + connection.text.length >= SIZE)
          connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
      received = connection.text.length;
      connection.socket.pause();
      upstream = connection;
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    let written = 0;
    connection.send(`POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: ${SIZE}\r\n\r\n`);
    pour(connection, SIZE, (bytes) => {
      written = bytes;
    });
    let last = -1;
    await eventually(() => {
      const still = upstream !== undefined && written === last;
      last = written;
      return still;
    }, "the caller is stopped");
    assert.ok(written < SIZE, "not all was taken from the caller");
    upstream?.socket.resume();
    assert.match(await connection.takeMessage(), /^HTTP\/1\.1 200 /);
    assert.equal(bed.recorder.exchanges[0]?.requestBytes, SIZE);
    assert.equal(bed.proxy.counts().replayBytes, 0);
    connection.socket.destroy();
  });

  test("a stream of small pieces is passed on as it comes", async (t) => {
    let upstream: RawConnection | undefined;
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeMessage();
      connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
      );
      upstream = connection;
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.send(GET);
    await connection.takeUntil("\r\n\r\n");
    for (const piece of ["one", "two", "three"]) {
      upstream?.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      await connection.takeUntil(`${piece}\r\n`);
    }
    connection.socket.destroy();
  });

  test("an upload goes on in its order while its response, which has begun, is not read", async (t) => {
    const uploaded = Promise.withResolvers<string>();
    let seen = (): string => "";
    const backend = await ScriptedBackend.start(async (connection) => {
      await connection.takeUntil("\r\n\r\n");
      seen = () => connection.text;
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE / 4}\r\n\r\n`);
      pour(connection, SIZE / 4, () => {});
      uploaded.resolve(await connection.take((text) => (text.length >= 15 ? 15 : -1), "the body"));
    });
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.socket.pause();
    connection.send("POST / HTTP/1.1\r\nHost: orders\r\nContent-Length: 15\r\n\r\nfirst");
    await eventually(() => bed.proxy.counts().bufferedBytes > 0, "the response is not taken");
    connection.send("secon");
    await eventually(() => seen().endsWith("secon"), "the upload goes on");
    connection.socket.resume();
    await eventually(() => bed.proxy.counts().bufferedBytes === 0, "the response is taken");
    connection.send("third");
    assert.equal(await uploaded.promise, "firstseconthird");
  });

  test("a drain waits for who is still reading the last response", async (t) => {
    const text = "x".repeat(30_000);
    const backend = await ScriptedBackend.answering(text);
    t.after(() => backend.close());
    const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port])] });
    t.after(() => bed.close());
    const connection = await bed.connect();
    connection.socket.pause();
    let asked = 0;
    // Until the kernel takes no more.
    while (bed.proxy.counts().bufferedBytes === 0) {
      connection.send(GET);
      asked++;
      await eventually(() => bed.recorder.exchanges.length === asked, "it is answered");
    }
    const drained = bed.proxy.drain({ deadlineMs: 60_000 });
    connection.socket.resume();
    await drained;
    await bed.close();
    for (let i = 0; i < asked; i++) assert.ok((await connection.takeMessage()).endsWith(text));
    assert.equal(await connection.untilEnded(), "");
    assert.ok(!connection.wasReset);
  });
});
