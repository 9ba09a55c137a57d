import type { Socket } from "node:net";
import type { WireBuffer } from "../codec/wire-buffer.ts";
import { writeChunkEnd, writeChunkHeader } from "../codec/writer.ts";
import { outbox, type Sender } from "./outbox.ts";
import { keepBytes } from "./turn.ts";

/**
 * Parts up to this size are gathered and written at once. Copying them costs less than a system call, and what is small may stand in
 * memory that all sockets read into: nothing but a copy may outlive its turn.
 */
const GATHER_BYTES = 16_384;

const NOTHING = Buffer.alloc(0);

/**
 * Writes to a socket by way of the outbox, so that small parts leave together. Larger chunks go out as the Buffers they came in, behind
 * what was gathered.
 */
export class SocketWriter implements Sender {
  readonly #socket: Socket;
  /** TLS encrypts in its own time. */
  readonly #takesAtOnce: boolean;
  /** Where this socket's bytes in the outbox begin; -1: it has none. */
  #from = -1;
  #to = 0;
  #blocked = false;
  /** The socket has a view of the outbox that it has not sent yet. */
  #holds = false;

  readonly #onSent = (error?: Error | null): void => {
    if (!error && this.#socket.writableLength === 0 && !this.#socket.writableNeedDrain)
      this.#socket.emit("drain");
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#takesAtOnce = !("encrypted" in socket);
    socket.on("drain", () => {
      this.#blocked = false;
      this.#letGo();
    });
    socket.on("close", () => this.#letGo());
  }

  /** The peer is slow: `write` said so, and the socket has not drained since. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.#gatheredBytes + this.#socket.writableLength;
  }

  get #gatheredBytes(): number {
    if (this.#from < 0) return 0;
    return (outbox.endsWith(this) ? outbox.end : this.#to) - this.#from;
  }

  /** Where the next small part is to be written, right now: it leaves with what stands before it. */
  gather(): WireBuffer {
    if (this.#from >= 0 && (!outbox.endsWith(this) || this.#gatheredBytes > GATHER_BYTES)) this.flush();
    if (this.#from < 0) this.#from = outbox.begin(this);
    return outbox.memory;
  }

  /** False: the peer is slow; the chunk was taken, but stop the source until the socket drains. */
  write(chunk: Buffer): boolean {
    if (chunk.length <= GATHER_BYTES) {
      this.gather().copy(chunk);
      return !this.#blocked;
    }
    if (this.#from < 0) this.#wrote(this.#socket.write(chunk), false);
    else {
      const isView = this.#mayTakeView;
      this.#socket.cork();
      this.#socket.write(this.#take(isView));
      const isBelowMark = this.#socket.write(chunk);
      this.#socket.uncork();
      this.#wrote(isBelowMark, isView);
    }
    if (this.#blocked) keepBytes(this.#socket);
    return !this.#blocked;
  }

  /** A chunk of a body that is framed by chunks. An empty one would end the body. */
  writeChunk(chunk: Buffer): boolean {
    if (chunk.length === 0) return !this.#blocked;
    writeChunkHeader(this.gather(), chunk.length);
    this.write(chunk);
    writeChunkEnd(this.gather());
    return !this.#blocked;
  }

  /** The first `count` bytes of what was gathered have been sent before. */
  skip(count: number): void {
    this.#from += count;
  }

  flush(): void {
    if (this.#from < 0) return;
    const isView = this.#mayTakeView;
    const bytes = this.#take(isView);
    if (!this.#socket.destroyed) this.#wrote(this.#socket.write(bytes), isView);
  }

  /** Sends what was gathered and then FIN. */
  end(): void {
    this.flush();
    this.#socket.end();
  }

  /** Forgets what was gathered. */
  discard(): void {
    this.#from = -1;
    outbox.leave(this);
  }

  seal(at: number): void {
    this.#to = at;
  }

  /** A socket that takes its time would hold on to the memory of all. */
  get #mayTakeView(): boolean {
    return this.#takesAtOnce && !this.#blocked && outbox.mayBeHeld;
  }

  #take(isView: boolean): Buffer {
    const bytes = outbox.view(this.#from, this.#from + this.#gatheredBytes);
    this.discard();
    return isView ? bytes : Buffer.from(bytes);
  }

  /**
   * The kernel takes all or the peer is slow. What it did not take stays in the memory it was written from, so the source has to stop at
   * once, whatever the socket's high-water mark is; below that the socket itself would not tell when it has drained.
   */
  #wrote(isBelowMark: boolean, isView: boolean): void {
    this.#blocked = this.#socket.writableLength > 0;
    if (!this.#blocked) return;
    if (isView) this.#hold();
    if (isBelowMark) this.#socket.write(NOTHING, this.#onSent);
  }

  #hold(): void {
    this.#letGo();
    this.#holds = true;
    outbox.hold();
  }

  #letGo(): void {
    if (!this.#holds) return;
    this.#holds = false;
    outbox.letGo();
  }
}
