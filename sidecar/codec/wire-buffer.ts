import { codeAt } from "./code-at.ts";
import { COLON, CR, FIELD_VALUE, LF, SP } from "./grammar.ts";
import type { FieldBlock, FieldLines } from "./head.ts";

/** What goes out for each UTF-16 code unit: itself, or a space. One load decides, which is twice as fast as comparing. */
const OUT = new Uint8Array(65_536).fill(SP);
FIELD_VALUE.forEach((allowed, byte) => {
  if (allowed === 1) OUT[byte] = byte;
});

function isContentLength(name: string): boolean {
  if (name.length !== 14) return false;
  const first = codeAt(name, 0);
  return (first === 0x43 || first === 0x63) && name.toLowerCase() === "content-length";
}

/** Strings that were not exchanged are the same object, so this costs a comparison of addresses each. */
function begins(fields: FieldLines, { fields: asRead }: FieldBlock): boolean {
  if (fields.length < asRead.length) return false;
  for (let i = 0; i < asRead.length; i++) if (fields[i] !== asRead[i]) return false;
  return true;
}

/**
 * Messages on their way out, one behind the other; it grows when one is longer than the room that is left. No part of a line can end it:
 * control characters, and what latin1 would cut down to some other byte, become spaces (RFC 9110, 5.5).
 */
export class WireBuffer {
  bytes: Buffer;
  length = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Adds a line of up to three parts with a space between each two. */
  line(first: string, second?: string, third?: string): void {
    this.#put(first);
    if (second !== undefined) {
      this.bytes[this.length++] = SP;
      this.#put(second);
    }
    if (third !== undefined) {
      this.bytes[this.length++] = SP;
      this.#put(third);
    }
    this.#endLine();
  }

  field(name: string, value: string): void {
    this.#put(name);
    this.bytes[this.length++] = COLON;
    this.bytes[this.length++] = SP;
    this.#put(value);
    this.#endLine();
  }

  /**
   * Adds field lines with the one Content-Length that is true. `length` -1: none may stand, because the body
   * is framed otherwise; undefined: what stands is left (the answer to a HEAD, a 304).
   */
  fields(fields: FieldLines, length: number | undefined, block?: FieldBlock): void {
    let missing = length !== undefined && length >= 0;
    let i = 0;
    if (
      block !== undefined &&
      (length === undefined || length === block.contentLength) &&
      begins(fields, block)
    ) {
      this.#reserve(block.text.length);
      this.length += this.bytes.write(block.text, this.length, "latin1");
      i = block.fields.length;
      missing = false;
    }
    for (; i < fields.length; i += 2) {
      const name = fields[i] as string;
      if (length === undefined || !isContentLength(name)) {
        this.field(name, fields[i + 1] as string);
      } else if (missing) {
        this.field(name, String(length));
        missing = false;
      }
    }
    if (missing) this.field("Content-Length", String(length));
  }

  /** Adds bytes as they are. */
  copy(chunk: Buffer): void {
    this.#reserve(chunk.length);
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  #put(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < length; i++) bytes[at++] = OUT[codeAt(text, i)] as number;
    this.length = at;
  }

  #endLine(): void {
    this.bytes[this.length++] = CR;
    this.bytes[this.length++] = LF;
  }

  /** Leaves room for the few bytes that stand between parts. */
  #reserve(count: number): void {
    const needed = this.length + count + 4;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * needed);
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}
