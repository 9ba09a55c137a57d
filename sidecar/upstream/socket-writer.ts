import type { Socket } from "node:net";
import { awaitTurnEnd, keepBytes, type TurnEnd } from "./turn.ts";

/** Parts up to here together are gathered and written at once. Copying them costs less than a system call. */
export const GATHER_BYTES = 16_384;

const NOTHING = Buffer.alloc(0);

/**
 * Gathers what one turn writes to a socket, so that a head, its small body and its end leave in one system call. Larger chunks go
 * out as the Buffers they came in, behind what was gathered.
 */
export class SocketWriter implements TurnEnd {
  readonly #socket: Socket;
  readonly #parts: (Buffer | undefined)[] = [];
  #count = 0;
  #gatheredBytes = 0;
  #waits = false;
  #blocked = false;

  readonly #onSent = (error?: Error | null): void => {
    if (!error && this.#socket.writableLength === 0 && !this.#socket.writableNeedDrain)
      this.#socket.emit("drain");
  };

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
      this.#parts[this.#count++] = chunk;
      this.#gatheredBytes = gathered;
      if (!this.#waits) {
        this.#waits = true;
        awaitTurnEnd(this);
      }
      return !this.#blocked;
    }
    if (this.#count === 0) return this.#send(chunk);
    this.#socket.cork();
    this.flush();
    const more = this.#socket.write(chunk);
    this.#socket.uncork();
    return this.#wrote(more);
  }

  flush(): void {
    if (this.#count === 0) return;
    const bytes = this.#count === 1 ? (this.#parts[0] as Buffer) : this.#joined();
    this.discard();
    this.#send(bytes);
  }

  /** Sends what was gathered and then FIN. */
  end(): void {
    this.flush();
    this.#socket.end();
  }

  /** Forgets what was gathered: it is sent, or the socket is gone. */
  discard(): void {
    for (let i = 0; i < this.#count; i++) this.#parts[i] = undefined;
    this.#count = 0;
    this.#gatheredBytes = 0;
  }

  onTurnEnd(): void {
    this.#waits = false;
    if (!this.#socket.destroyed) this.flush();
  }

  #send(bytes: Buffer): boolean {
    return this.#wrote(this.#socket.write(bytes));
  }

  /**
   * The kernel takes all or the peer is slow. What it did not take stays in the memory that was read into, so the source has to stop at
   * once, whatever the socket's high-water mark is; below that the socket itself would not tell when it has drained.
   */
  #wrote(isBelowMark: boolean): boolean {
    this.#blocked = this.#socket.writableLength > 0;
    if (this.#blocked) {
      keepBytes(this.#socket);
      if (isBelowMark) this.#socket.write(NOTHING, this.#onSent);
    }
    return !this.#blocked;
  }

  #joined(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#gatheredBytes);
    let at = 0;
    for (let i = 0; i < this.#count; i++) {
      const part = this.#parts[i] as Buffer;
      part.copy(bytes, at);
      at += part.length;
    }
    return bytes;
  }
}
