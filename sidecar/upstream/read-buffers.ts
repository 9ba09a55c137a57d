import net, { type Socket, type TcpNetConnectOpts } from "node:net";
import { type BytesKeeper, NOBODY, takeKeeper } from "./turn.ts";

/** A response of 64 KiB and its head come in one read. */
const READ_BYTES = 72 * 1024;
/** How many a socket fills in turn while a slow reader holds on to some; further ones are left to the garbage collector. */
const MAX_BUFFERS = 4;

interface ReadBuffer {
  readonly bytes: Buffer;
  /** Who may still be sending what was read into it. */
  keeper: BytesKeeper;
}

/**
 * The memory that a socket reads into, again and again: otherwise each read costs a buffer of 64 KiB, and a stream leaves hundreds of
 * them behind until they are collected. What is read is valid for its turn; who sends it on later says so with `keepBytes`.
 */
class ReadBuffers {
  readonly #buffers: ReadBuffer[] = [];
  #filled: ReadBuffer | undefined;

  /** For the next read. To be called when the turn of the last one has ended. */
  next(): Buffer {
    const filled = this.#filled;
    if (filled) filled.keeper = takeKeeper();
    // Nearly always the one that was just read into: what came was sent on at once.
    if (!filled || filled.keeper !== NOBODY) {
      this.#filled = this.#buffers.find(({ keeper }) => keeper === NOBODY) ?? this.#added();
    }
    return (this.#filled as ReadBuffer).bytes;
  }

  #added(): ReadBuffer {
    const buffer = { bytes: Buffer.allocUnsafeSlow(READ_BYTES), keeper: NOBODY };
    if (this.#buffers.length === MAX_BUFFERS) this.#buffers.shift();
    this.#buffers.push(buffer);
    return buffer;
  }

  /** To be called before a turn: who has nothing left to write now needs nothing of earlier ones. */
  reclaim(): void {
    // Only a turn that begins now can speak for what is read now.
    takeKeeper();
    for (let i = 0; i < this.#buffers.length; i++) {
      const buffer = this.#buffers[i] as ReadBuffer;
      if (buffer.keeper.writableLength === 0) buffer.keeper = NOBODY;
    }
  }
}

/** A connection whose `data` events bring bytes that are valid for their turn, or for good where there is no turn. */
export function connectReusing(options: TcpNetConnectOpts): Socket {
  const buffers = new ReadBuffers();
  const socket = net.connect({
    ...options,
    onread: {
      buffer: () => buffers.next(),
      callback: (length, bytes) => {
        buffers.reclaim();
        socket.emit("data", (bytes as Buffer).subarray(0, length));
        return true;
      },
    },
  });
  return socket;
}
