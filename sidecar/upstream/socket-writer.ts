import type { Socket } from "node:net";

/** Parts up to here together are gathered and written at once. Copying them costs less than a system call. */
const GATHER_BYTES = 16_384;

/**
 * Gathers what one turn of the event loop writes to a socket, so that a head, its small body and its end leave in one system
 * call. Larger chunks go out as the Buffers they came in, behind what was gathered.
 */
export class SocketWriter {
  readonly #socket: Socket;
  readonly #parts: Buffer[] = [];
  #gatheredBytes = 0;
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
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
      this.#schedule();
      return !this.#socket.writableNeedDrain;
    }
    if (this.#gatheredBytes === 0) return this.#socket.write(chunk);
    this.#socket.cork();
    this.flush();
    const more = this.#socket.write(chunk);
    this.#socket.uncork();
    return more;
  }

  flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : joined(parts, this.#gatheredBytes);
    this.discard();
    this.#socket.write(bytes);
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

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(flushScheduled, this);
  }

  /** For `flushScheduled` alone: one function for all writers, so that scheduling makes no closure. */
  flushScheduled(): void {
    this.#scheduled = false;
    if (!this.#socket.destroyed) this.flush();
  }
}

function flushScheduled(writer: SocketWriter): void {
  writer.flushScheduled();
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
