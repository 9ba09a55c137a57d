import { CR, FIELD_VALUE, LF } from "./grammar.ts";

/** CR LF CR LF */
const END_LENGTH = 4;
const EMPTY = Buffer.alloc(0);
const SMALLEST = 1_024;

/**
 * Just behind the empty line that ends a head, or -1. Looks at every fourth byte: one of the four that end a
 * head must lie there. For heads of a usual size this is cheaper than a call of `indexOf`.
 */
export function headEnd(bytes: Buffer, from: number, length: number): number {
  let last = from + 3;
  while (last < length) {
    const byte = bytes[last] as number;
    if (byte > CR) last += 4;
    else if (byte === CR) last += 1;
    else if (byte !== LF) last += 4;
    else if (bytes[last - 1] === CR && bytes[last - 2] === LF && bytes[last - 3] === CR) return last + 1;
    else last += 2;
  }
  return -1;
}

/**
 * Holds the beginning of a head, or of a trailer section, until its end has come. Most heads come whole and
 * never stay here.
 */
export class HeadBuffer {
  bytes: Buffer = EMPTY;
  length = 0;
  #checked = 0;

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /**
   * Adds what came and looks for the end. Gives the index in `chunk` just behind it, or -1: all was taken,
   * the end is not there. Then `bytes` from 0 to `length` is the head. Holds at most `limit` bytes and a few:
   * the caller compares.
   */
  append(chunk: Buffer, from: number, limit: number): number {
    const before = this.length;
    const taken = Math.min(chunk.length - from, limit + END_LENGTH - before);
    this.#grow(before + taken);
    chunk.copy(this.bytes, before, from, from + taken);
    this.length = before + taken;
    const end = headEnd(this.bytes, Math.max(0, before - END_LENGTH + 1), this.length);
    if (end < 0) return -1;
    this.length = end;
    return from + end - before;
  }

  /**
   * Does what is held still look like the beginning of lines? Garbage (a TLS handshake, bare line feeds)
   * would otherwise be held until its sender is timed out. Each byte is looked at once.
   */
  get isPlausible(): boolean {
    let at = this.#checked;
    while (at < this.length) {
      const byte = this.bytes[at] as number;
      if (byte === CR) {
        if (at + 1 === this.length) break;
        if (this.bytes[at + 1] !== LF) return false;
        at += 2;
      } else {
        if (FIELD_VALUE[byte] === 0) return false;
        at++;
      }
    }
    this.#checked = at;
    return true;
  }

  clear(): void {
    this.length = 0;
    this.#checked = 0;
    // Kept-alive connections are many and mostly idle: what one split head needed is not kept for all of
    // them.
    this.bytes = EMPTY;
  }

  #grow(needed: number): void {
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(SMALLEST, needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
