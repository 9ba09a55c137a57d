import net, { type Socket, type SocketConstructorOpts, type TcpNetConnectOpts } from "node:net";
import { type BytesKeeper, NOBODY, takeKeeper } from "./turn.ts";

/** A response of 64 KiB and its head come in one read. */
const READ_BYTES = 72 * 1024;
/** What brings no more is sent on as a copy anyway (`SocketWriter`), so it needs no memory of its own. */
const SMALL_BYTES = 16 * 1024;
/** A body's head and its end come in small reads, too: only so many of them in a row mean that no more is to come. */
const SMALL_READS = 16;
/** Sockets with memory of their own at the same time; further ones copy large pieces. 18 MiB, unless their peers are slow. */
const MOST_OWNERS = 256;
/** How many a socket fills in turn while a slow reader holds on to some; further ones are left to the garbage collector. */
const MAX_BUFFERS = 4;

/** Small reads of all sockets go into the same memory, one after the other: it stays in the processor's caches. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);
let owners = 0;

interface ReadBuffer {
  readonly bytes: Buffer;
  /** Who may still be sending what was read into it. */
  keeper: BytesKeeper;
}

/**
 * The memory that a socket reads into, again and again: otherwise each read costs a buffer of 64 KiB, and a stream leaves hundreds of
 * them behind until they are collected. A socket that brings much gets some of its own, so that large pieces can be sent on without a copy.
 */
class ReadBuffers {
  readonly #buffers: ReadBuffer[] = [];
  #filled: ReadBuffer | undefined;
  #isOwner = false;
  #smallReads = 0;

  /** For the next read. To be called when the turn of the last one has ended. */
  next(): Buffer {
    const filled = this.#filled;
    if (filled) filled.keeper = takeKeeper();
    this.#filled = undefined;
    if (!this.#isOwner) return shared;
    // Nearly always the one that was just read into: what came was sent on at once.
    const next = filled?.keeper === NOBODY ? filled : this.#free();
    this.#filled = next;
    return next.bytes;
  }

  #free(): ReadBuffer {
    const free = this.#buffers.find(({ keeper }) => keeper === NOBODY);
    if (free) return free;
    const buffer = { bytes: Buffer.allocUnsafeSlow(READ_BYTES), keeper: NOBODY };
    if (this.#buffers.length === MAX_BUFFERS) this.#buffers.shift();
    this.#buffers.push(buffer);
    return buffer;
  }

  /** What a read brought. */
  take(length: number, bytes: Buffer): Buffer {
    this.#reclaim();
    const chunk = bytes.subarray(0, length);
    if (length <= SMALL_BYTES) {
      if (++this.#smallReads === SMALL_READS) this.disown();
      return chunk;
    }
    this.#smallReads = 0;
    this.#own();
    return bytes === shared ? Buffer.from(chunk) : chunk;
  }

  #own(): void {
    if (this.#isOwner || owners === MOST_OWNERS) return;
    this.#isOwner = true;
    owners++;
  }

  /** Nothing large is to come. */
  disown(): void {
    if (!this.#isOwner) return;
    this.#isOwner = false;
    owners--;
    this.#buffers.length = 0;
  }

  /** Before a turn: who has nothing left to write now needs nothing of earlier ones. */
  #reclaim(): void {
    // Only a turn that begins now can speak for what is read now.
    takeKeeper();
    for (let i = 0; i < this.#buffers.length; i++) {
      const buffer = this.#buffers[i] as ReadBuffer;
      if (buffer.keeper.writableLength === 0) buffer.keeper = NOBODY;
    }
  }
}

/** `onread` of a socket that is about to be made. */
function reusing(buffers: ReadBuffers, socket: () => Socket): NonNullable<SocketConstructorOpts["onread"]> {
  return {
    buffer: () => buffers.next(),
    callback: (length, bytes) => {
      socket().emit("data", buffers.take(length, bytes as Buffer));
      return true;
    },
  };
}

/** A connection whose `data` events bring bytes that are valid as `UpstreamStream` says: for their turn. */
export function connectReusing(options: TcpNetConnectOpts): Socket {
  const buffers = new ReadBuffers();
  const socket: Socket = net.connect({ ...options, onread: reusing(buffers, () => socket) });
  return socket.on("close", () => buffers.disown());
}

/** What Node's sockets have inside; its types do not tell. */
interface Inside {
  _handle: object | null;
  _server: net.Server | null;
}

/**
 * The same for a connection that a server took a moment ago: nothing is read of it yet, nor before it is resumed. Servers give their
 * sockets no `onread`, so the handle moves to a socket that has it, by the constructor's option that Node itself uses for this. With TLS,
 * which reads by itself, and where there is no handle (the peer is gone, or Node has changed), the socket stays as it is.
 */
export function acceptReusing(accepted: Socket): Socket {
  const inside = accepted as unknown as Inside;
  const { _handle: handle, _server: server } = inside;
  if (!handle || "encrypted" in accepted) return accepted;
  const buffers = new ReadBuffers();
  const options = {
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    highWaterMark: accepted.writableHighWaterMark,
    onread: reusing(buffers, () => socket),
  };
  const socket: Socket = new net.Socket(options as SocketConstructorOpts);
  // The server counts its connections by it.
  Object.assign(socket, { _server: server });
  inside._handle = null;
  inside._server = null;
  return socket.on("close", () => buffers.disown()).pause();
}
