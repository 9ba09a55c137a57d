import type { Socket } from "node:net";

/** Parts up to here together are gathered and written at once. Copying them costs less than a system call. */
const GATHER_BYTES = 16_384;

/** Writers that hold something for the end of this turn of the event loop. */
const waiting: SocketWriter[] = [];
let reading = false;

/** What is written from now on waits for `endTurn`: to be called when a socket's bytes are about to be read. */
export function beginTurn(): void {
  reading = true;
}

/** Sends what was gathered since `beginTurn`. */
export function endTurn(): void {
  reading = false;
  flushWaiting();
}

function flushWaiting(): void {
  for (let i = 0; i < waiting.length; i++) (waiting[i] as SocketWriter).flushWaiting();
  waiting.length = 0;
}

/**
 * Gathers what one turn of the event loop writes to a socket, so that a head, its small body and its end leave in one system
 * call. Larger chunks go out as the Buffers they came in, behind what was gathered.
 */
export class SocketWriter {
  readonly #socket: Socket;
  readonly #parts: Buffer[] = [];
  #gatheredBytes = 0;
  #waits = false;
  #blocked = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("drain", () => {
      this.#blocked = false;
    });
  }

  /** The peer is slow: `write` said so, and the socket has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.#gatheredBytes + this.#socket.writableLength;
  }

  /** Latin1 text, for the small pieces between chunks. */
  text(text: string): boolean {
    return this.write(Buffer.from(text, "latin1"));
  }

  /** False: the peer is slow; the chunk was taken, but stop the source until the socket drains. */
  write(chunk: Buffer): boolean {
    const gathered = this.#gatheredBytes + chunk.length;
    if (gathered <= GATHER_BYTES) {
      this.#parts.push(chunk);
      this.#gatheredBytes = gathered;
      this.#wait();
      return !this.#blocked;
    }
    if (this.#gatheredBytes === 0) return this.#send(chunk);
    this.#socket.cork();
    this.flush();
    const more = this.#send(chunk);
    this.#socket.uncork();
    return more;
  }

  flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : joined(parts, this.#gatheredBytes);
    this.discard();
    this.#send(bytes);
  }

  #send(bytes: Buffer): boolean {
    this.#blocked = !this.#socket.write(bytes);
    return !this.#blocked;
  }

  /** Sends what was gathered and then FIN. */
  end(): void {
    this.flush();
    this.#socket.end();
  }

  /** Forgets what was gathered: the socket is gone. */
  discard(): void {
    this.#parts.length = 0;
    this.#gatheredBytes = 0;
  }

  #wait(): void {
    if (this.#waits) return;
    this.#waits = true;
    // Written from a timer: nobody will end the turn for us.
    if (!reading && waiting.length === 0) process.nextTick(flushWaiting);
    waiting.push(this);
  }

  /** For the end of the turn alone. */
  flushWaiting(): void {
    this.#waits = false;
    if (!this.#socket.destroyed) this.flush();
  }
}

function joined(parts: readonly Buffer[], length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as Buffer;
    part.copy(bytes, at);
    at += part.length;
  }
  return bytes;
}
