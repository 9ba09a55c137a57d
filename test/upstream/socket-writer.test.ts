import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { suite, type TestContext, test } from "node:test";
import { outbox } from "../../sidecar/upstream/outbox.ts";
import { SocketWriter } from "../../sidecar/upstream/socket-writer.ts";

const KIB = 1024;

interface Pair {
  readonly socket: Socket;
  readonly peer: Socket;
}

/** A connection, and its peer, which reads when it is told to. */
async function connect(t: TestContext): Promise<Pair> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = net.connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  const [[peer]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
    [Socket],
    [],
  ];
  server.close();
  t.after(() => {
    socket.destroy();
    peer.destroy();
  });
  return { socket, peer: peer.pause() };
}

async function readAll(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => chunks.push(chunk)).resume();
  await once(peer, "end");
  return Buffer.concat(chunks);
}

/** More than the kernel takes at once. */
const CLOG = Buffer.alloc(12 * 1024 * KIB, "c");

function clog(socket: Socket): Buffer {
  socket.write(CLOG);
  assert.ok(socket.writableLength > 0, "the kernel took it all");
  return CLOG;
}

suite("a socket's writer", () => {
  test("has sent what was written when the outbox is flushed, so that a process may end at once", async (t) => {
    const { socket, peer } = await connect(t);
    new SocketWriter(socket).write(Buffer.from("last words"));
    assert.equal(socket.bytesWritten, 0);
    outbox.flush();
    assert.deepEqual([socket.bytesWritten, socket.writableLength], [10, 0]);
    socket.destroy();
    assert.equal((await readAll(peer)).toString(), "last words");
  });

  test("keeps no view of a small part, whatever stands before it, because its memory is read into again", async (t) => {
    for (const sizes of [
      [10, 10],
      [1, 16],
      [16, 1, 16],
      [16, 16, 16, 16],
      [20, 16],
      [16, 20, 3],
    ]) {
      const { socket, peer } = await connect(t);
      const expected = [clog(socket)];
      const writer = new SocketWriter(socket);
      const memory = Buffer.alloc(16 * KIB);
      sizes.forEach((size, i) => {
        const large = size > 16;
        const part = large ? Buffer.alloc(size * KIB, 65 + i) : memory.fill(65 + i).subarray(0, size * KIB);
        expected.push(Buffer.from(part));
        if (i % 2 === 0) writer.write(part);
        else {
          writer.writeChunk(part);
          expected.splice(-1, 0, Buffer.from(`${part.length.toString(16)}\r\n`));
          expected.push(Buffer.from("\r\n"));
        }
        memory.fill(0);
      });
      writer.end();
      assert.equal(Buffer.compare(await readAll(peer), Buffer.concat(expected)), 0, `${sizes} KiB`);
    }
  });

  test("shares the outbox with others, each socket getting its own bytes in their order", async (t) => {
    const pairs = await Promise.all(Array.from({ length: 5 }, () => connect(t)));
    const writers = pairs.map(({ socket }) => new SocketWriter(socket));
    const expected = pairs.map(({ socket }, i) => (i % 2 === 0 ? [] : [clog(socket)]));
    for (let round = 0; round < 400; round++) {
      const at = (round * 7) % 5;
      const part = Buffer.alloc((round * 997) % (24 * KIB), `${at}:${round} `);
      expected[at]?.push(part);
      (writers[at] as SocketWriter).write(part);
      if (round % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const writer of writers) writer.end();
    const received = await Promise.all(pairs.map(({ peer }) => readAll(peer)));
    received.forEach((bytes, i) => {
      assert.equal(Buffer.compare(bytes, Buffer.concat(expected[i] as Buffer[])), 0, `socket ${i}`);
    });
  });

  test("says nothing more for a socket that was destroyed or whose bytes were discarded meanwhile", async (t) => {
    const [first, second, third] = await Promise.all([connect(t), connect(t), connect(t)]);
    const writers = [first, second, third].map(({ socket }) => new SocketWriter(socket));
    writers.forEach((writer, i) => {
      writer.write(Buffer.from(`for ${i}`));
    });
    first.socket.destroy();
    writers[1]?.discard();
    const all = [first, second, third].map(({ peer }) => readAll(peer));
    second.socket.end();
    await new Promise((resolve) => setImmediate(resolve));
    writers[2]?.end();
    assert.deepEqual((await Promise.all(all)).map(String), ["", "", "for 2"]);
  });

  test("lets few slow peers hold on to the memory of all, and tells when one has taken its bytes", async (t) => {
    const pairs = await Promise.all(Array.from({ length: 34 }, () => connect(t)));
    const writers = pairs.map(({ socket }) => new SocketWriter(socket));
    for (let i = 0; i < pairs.length; i++) {
      clog((pairs[i] as { socket: Socket }).socket);
      (writers[i] as SocketWriter).write(Buffer.from("the end"));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(writers.every(({ isBlocked }) => isBlocked));
    assert.ok(!outbox.mayBeHeld, "the bound is met");
    const [first, last] = [pairs[0], pairs[33]] as [Pair, Pair];
    for (const { socket, peer } of [first, last]) {
      const all = readAll(peer);
      await once(socket, "drain");
      socket.end();
      assert.equal((await all).subarray(-7).toString("latin1"), "the end");
    }
    assert.ok(outbox.mayBeHeld && !writers[0]?.isBlocked, "there is room again");
    for (const { socket } of pairs) socket.destroy();
  });
});
