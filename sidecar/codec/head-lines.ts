import type { FieldLines } from "./head.ts";

/** Heads are written here first, to be looked at. Larger ones are rare and get their own. */
const scratch = Buffer.alloc(65_536);
const scratchWords = new Uint32Array(scratch.buffer, scratch.byteOffset, scratch.length / 4);

const CONTROLS_PER_LINE_END = 2;
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/g;

/** How many of the first words' bytes are controls (below 0x20), four bytes at a time. */
function countControls(words: Uint32Array, count: number): number {
  let controls = 0;
  for (let i = 0; i < count; i++) {
    const word = words[i] as number;
    // Adding 0x60 to a byte's low seven bits sets its top bit unless the byte is below 0x20 (Warren,
    // "Hacker's Delight", 6-1).
    let flags = ~(((word & 0x7f7f7f7f) + 0x60606060) | word) & 0x80808080;
    while (flags !== 0) {
      flags &= flags - 1;
      controls++;
    }
  }
  return controls;
}

function isContentLength(name: string): boolean {
  if (name.length !== 14) return false;
  const first = name.charCodeAt(0);
  return (first === 0x43 || first === 0x63) && name.toLowerCase() === "content-length";
}

/** A head, or a trailer section, on its way out. */
export class HeadLines {
  #text = "";
  #lines = 0;
  readonly #clean: boolean;

  /** `clean`: every line is cleaned of what could end it. */
  constructor(clean: boolean) {
    this.#clean = clean;
  }

  /** Adds a line; its end is added here. */
  add(line: string): void {
    // RFC 9110, 5.5: line breaks and NUL become spaces. So does what latin1 would cut down to some other
    // byte.
    this.#text += `${this.#clean ? line.replace(FORBIDDEN, " ") : line}\r\n`;
    this.#lines++;
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
        this.add(`${name}: ${fields[i + 1]}`);
      } else if (missing) {
        this.add(`${name}: ${length}`);
        missing = false;
      }
    }
    if (missing) this.add(`Content-Length: ${length}`);
  }

  /**
   * Do the bytes hold no more line ends than lines were added? If some part brought its own, build the head
   * again, cleaned (a tab brings that about too, and survives it). One look at the bytes that go out, after
   * latin1 has cut them, costs less than looking at each part and misses nothing.
   */
  get isSound(): boolean {
    const { length } = this.#text;
    const fits = length <= scratch.length - 4;
    const bytes = fits ? scratch : Buffer.alloc((length + 7) & ~3);
    const words = fits ? scratchWords : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    bytes.write(this.#text, 0, length, "latin1");
    for (let at = length; (at & 3) !== 0; at++) bytes[at] = 0x20;
    return countControls(words, (length + 3) >>> 2) === this.#lines * CONTROLS_PER_LINE_END;
  }

  /** The bytes, with `body` behind them: one Buffer, one write. */
  encode(body: Buffer | undefined): Buffer {
    const { length } = this.#text;
    const message = Buffer.allocUnsafe(body === undefined ? length : length + body.length);
    message.write(this.#text, 0, length, "latin1");
    if (body !== undefined) body.copy(message, length);
    return message;
  }
}
