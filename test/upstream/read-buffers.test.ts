import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import { acceptReusing, connectReusing } from "../../sidecar/upstream/read-buffers.ts";
import { SocketWriter } from "../../sidecar/upstream/socket-writer.ts";
import { beginTurn, endTurn } from "../../sidecar/upstream/turn.ts";

const servers: net.Server[] = [];

async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server = net.createServer({ noDelay: true }, onConnection).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Bytes of which no two stretches are alike. */
function counted(length: number): Buffer {
  const words = Uint32Array.from({ length: length / 4 }, (_, i) => i * 2_654_435_761);
  return Buffer.from(words.buffer);
}

describe("memory that reads share", () => {
  after(() => {
    for (const server of servers) server.close();
  });

  it("is read into again when everything was sent on at once", async () => {
    const port = await serve((socket) => socket.on("data", (chunk) => socket.write(chunk)));
    const socket = connectReusing({ port, host: "127.0.0.1" });
    const memory = new Set<ArrayBufferLike>();
    for (let i = 0; i < 20; i++) {
      socket.write(`question ${i}`);
      const answer = await new Promise<string>((resolve) =>
        socket.once("data", (chunk: Buffer) => {
          beginTurn();
          memory.add(chunk.buffer);
          resolve(chunk.toString("latin1"));
          endTurn();
        }),
      );
      assert.equal(answer, `question ${i}`);
    }
    socket.destroy();
    assert.equal(memory.size, 1);
  });

  it("keeps what a slow reader has not taken yet, and stays small meanwhile", async () => {
    const sent = counted(16 * 1_024 * 1_024);
    const source = await serve((socket) => socket.end(sent));
    const memory = new Set<ArrayBufferLike>();
    const relay = await serve((reader) => {
      const writer = new SocketWriter(reader);
      const socket = connectReusing({ port: source, host: "127.0.0.1" });
      socket.on("data", (chunk: Buffer) => {
        beginTurn();
        memory.add(chunk.buffer);
        if (!writer.write(chunk)) socket.pause();
        endTurn();
      });
      reader.on("drain", () => socket.resume());
      socket.on("end", () => writer.end());
    });
    const reader = net.connect({ port: relay, host: "127.0.0.1" });
    const received: Buffer[] = [];
    reader.on("data", (chunk: Buffer) => {
      received.push(chunk);
      reader.pause();
      setImmediate(() => reader.resume());
    });
    await once(reader, "end");
    assert.equal(Buffer.compare(Buffer.concat(received), sent), 0);
    assert.ok(memory.size <= 4, `${memory.size} buffers were used`);
  });

  it("of large pieces is not read into again when nobody says what became of them", async () => {
    const sent = counted(4 * 1_024 * 1_024);
    const port = await serve((socket) => socket.end(sent));
    const socket = connectReusing({ port, host: "127.0.0.1" });
    const kept: Buffer[] = [];
    // Small ones are valid for the event alone.
    socket.on("data", (chunk: Buffer) => kept.push(chunk.length > 16_384 ? chunk : Buffer.from(chunk)));
    await once(socket, "end");
    assert.equal(Buffer.compare(Buffer.concat(kept), sent), 0);
  });

  it("is one for the small reads of all sockets, of those that a server took as well", async () => {
    const memory = new Set<ArrayBufferLike>();
    const port = await serve((accepted) => {
      const socket = acceptReusing(accepted);
      socket.on("data", (chunk: Buffer) => {
        memory.add(chunk.buffer);
        socket.write(Buffer.from(chunk));
      });
      socket.on("end", () => socket.end()).resume();
    });
    const answers = Array.from({ length: 5 }, async (_, i) => {
      const socket = connectReusing({ port, host: "127.0.0.1" });
      socket.write(`question ${i}`);
      const [chunk] = (await once(socket, "data")) as [Buffer];
      memory.add(chunk.buffer);
      assert.equal(chunk.toString("latin1"), `question ${i}`);
      socket.end();
      await once(socket, "close");
    });
    await Promise.all(answers);
    assert.equal(memory.size, 1);
  });
});
