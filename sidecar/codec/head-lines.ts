import type { FieldLines } from "./head.ts";

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HTAB = 0x09;
const COLON = 0x3a;
const DEL = 0x7f;
const LAST_LATIN1 = 0xff;

/** Heads are written here, one at a time, before they get memory of their own. It grows with the longest. */
let scratch = Buffer.allocUnsafeSlow(16_384);

function isContentLength(name: string): boolean {
  if (name.length !== 14) return false;
  const first = name.charCodeAt(0);
  return (first === 0x43 || first === 0x63) && name.toLowerCase() === "content-length";
}

/**
 * A head, or a trailer section, on its way out: to be encoded before the next one is begun. No part can end a line: control characters,
 * and what latin1 would cut down to some other byte, become spaces (RFC 9110, 5.5).
 */
export class HeadLines {
  #length = 0;

  /** Adds a line of up to three parts with a space between each two. */
  add(first: string, second?: string, third?: string): void {
    this.#put(first);
    if (second !== undefined) {
      scratch[this.#length++] = SP;
      this.#put(second);
    }
    if (third !== undefined) {
      scratch[this.#length++] = SP;
      this.#put(third);
    }
    this.#endLine();
  }

  addField(name: string, value: string): void {
    this.#put(name);
    scratch[this.#length++] = COLON;
    scratch[this.#length++] = SP;
    this.#put(value);
    this.#endLine();
  }

  /**
   * Adds field lines with the one Content-Length that is true. `length` -1: none may stand, because the body
   * is framed otherwise; undefined: what stands is left (the answer to a HEAD, a 304).
   */
  addFields(fields: FieldLines, length: number | undefined): void {
    let missing = length !== undefined && length >= 0;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      if (length === undefined || !isContentLength(name)) {
        this.addField(name, fields[i + 1] as string);
      } else if (missing) {
        this.addField(name, String(length));
        missing = false;
      }
    }
    if (missing) this.addField("Content-Length", String(length));
  }

  /** The bytes, with `body` behind them: one Buffer, one write. */
  encode(body: Buffer | undefined): Buffer {
    const length = this.#length;
    const message = Buffer.allocUnsafe(body === undefined ? length : length + body.length);
    scratch.copy(message, 0, 0, length);
    if (body !== undefined) body.copy(message, length);
    return message;
  }

  /** Leaves room for the few bytes that stand between parts. */
  #put(text: string): void {
    const { length } = text;
    let at = this.#length;
    if (at + length + 4 > scratch.length) reserve(at, at + length + 4);
    const bytes = scratch;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      bytes[at++] = (code >= SP && code !== DEL && code <= LAST_LATIN1) || code === HTAB ? code : SP;
    }
    this.#length = at;
  }

  #endLine(): void {
    scratch[this.#length++] = CR;
    scratch[this.#length++] = LF;
  }
}

function reserve(used: number, needed: number): void {
  const larger = Buffer.allocUnsafeSlow(2 * needed);
  scratch.copy(larger, 0, 0, used);
  scratch = larger;
}
