import type { Duplex } from "node:stream";

/** Bytes of which every eight say whose they are and where they belong. */
export function marked(id: number, length: number): Buffer {
  const words = new Uint32Array(2 * Math.ceil(length / 8));
  for (let i = 0; i < words.length; i += 2) {
    words[i] = id;
    words[i + 1] = i;
  }
  return Buffer.from(words.buffer, 0, length);
}

/** What arrives, against what was sent: it may be cut short, but never be anything else. */
export class Arrival {
  readonly expected: Buffer;
  bytes = 0;
  /** Where it first was something else; -1: nowhere. */
  wrongAt = -1;

  constructor(id: number, length: number) {
    this.expected = marked(id, length);
  }

  get isWhole(): boolean {
    return this.wrongAt < 0 && this.bytes === this.expected.length;
  }

  take(chunk: Buffer): void {
    const end = this.bytes + chunk.length;
    const isRight = end <= this.expected.length && chunk.equals(this.expected.subarray(this.bytes, end));
    if (!isRight && this.wrongAt < 0) this.wrongAt = this.bytes;
    this.bytes = end;
  }
}

/** Lets the event loop turn so many times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function untilAny(stream: Duplex, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    for (const event of events) stream.on(event, done);
  });
}

/** How bytes are written or read: in pieces, and with so many turns of the event loop between each two. */
export interface Pace {
  readonly piece: number;
  readonly turns: number;
}

/** Writes as fast as the peer takes it and the pace allows; ends early when the stream does. */
export async function pour(stream: Duplex, bytes: Buffer, { piece, turns: pause }: Pace): Promise<void> {
  for (let at = 0; at < bytes.length && !stream.destroyed && stream.writable; at += piece) {
    const more = stream.write(bytes.subarray(at, at + piece));
    if (!more && stream.writableNeedDrain && !stream.destroyed) await untilAny(stream, ["drain", "close"]);
    if (pause > 0) await turns(pause);
  }
}

/** A stream, read when somebody wants to: who does not, lets it fill up. */
export class Source {
  readonly #stream: Duplex;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("error", () => {});
  }

  /** The bytes that came next, at most so many; undefined: the stream has ended, or broken. */
  async take(most: number): Promise<Buffer | undefined> {
    if (this.#rest.length === 0) {
      const chunk = await this.#next();
      if (!chunk) return undefined;
      this.#rest = chunk;
    }
    const taken = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  /** Up to `end` inclusive. */
  async takeUntil(end: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#rest.indexOf(end);
      if (at >= 0) return (await this.take(at + end.length))?.toString("latin1");
      const chunk = await this.#next();
      if (!chunk) return undefined;
      this.#rest = Buffer.concat([this.#rest, chunk]);
    }
  }

  /** Reads up to so many bytes of `arrival`. False: the stream ended before. */
  async takeInto(arrival: Arrival, count: number, pause = 0): Promise<boolean> {
    for (let left = count; left > 0; ) {
      const chunk = await this.take(left);
      if (!chunk) return false;
      arrival.take(chunk);
      left -= chunk.length;
      if (pause > 0) await turns(pause);
    }
    return true;
  }

  async #next(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#stream.read() as Buffer | null;
      if (chunk) return chunk;
      if (this.#stream.readableEnded || this.#stream.destroyed) return undefined;
      await untilAny(this.#stream, ["readable", "end", "close"]);
    }
  }
}
