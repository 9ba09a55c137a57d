import { CR, FIELD_VALUE, HEX, HTAB, SP, TOKEN } from "./grammar.ts";
import { type Refusal, refusal } from "./refusal.ts";

const BAD_SIZE = refusal("malformed", "a chunk does not begin with its size in hexadecimal");
const BIG_SIZE = refusal("malformed", "a chunk size is beyond what can be counted");
const BAD_EXTENSION = refusal("malformed", "a chunk extension is malformed");
const LONG_LINE = refusal("malformed", "a chunk's size line is longer than allowed");

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LARGEST = 2 ** 48;

type State =
  | "size"
  /** White space, then `;`. */
  | "before_semicolon"
  | "name_start"
  | "name"
  /** White space, then `=` or `;`. */
  | "after_name"
  | "value_start"
  | "value"
  | "quoted"
  | "quoted_pair"
  | "after_quoted";

/**
 * A chunk's size line (RFC 9112, 7.1), byte by byte, because it may come in pieces. Extensions are checked
 * and read over: a parser that skips them unread is where peers begin to disagree on where a line ends.
 */
export class ChunkLine {
  size = 0;
  #state: State = "size";
  #digits = 0;
  #length = 0;
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  start(): void {
    this.size = 0;
    this.#state = "size";
    this.#digits = 0;
    this.#length = 0;
  }

  /** Takes one byte. `true`: it was the CR that ends the line, an LF must follow. */
  take(byte: number): boolean | Refusal {
    if (++this.#length > this.#maxLength) return LONG_LINE;
    if (this.#state !== "size") return this.#takeExtension(byte);
    const digit = HEX[byte] as number;
    if (digit !== 255) {
      this.size = this.size * 16 + digit;
      this.#digits++;
      return this.size > LARGEST ? BIG_SIZE : false;
    }
    return this.#digits === 0 ? BAD_SIZE : this.#takeEnd(byte, BAD_SIZE);
  }

  /** Where an element is complete: the line's end, another extension, or white space before one. */
  #takeEnd(byte: number, otherwise: Refusal): boolean | Refusal {
    if (byte === CR) return true;
    if (byte === SEMICOLON) this.#state = "name_start";
    else if (byte === SP || byte === HTAB) this.#state = "before_semicolon";
    else return otherwise;
    return false;
  }

  #takeExtension(byte: number): boolean | Refusal {
    const isSpace = byte === SP || byte === HTAB;
    switch (this.#state) {
      case "before_semicolon":
        if (isSpace) return false;
        if (byte !== SEMICOLON) return BAD_EXTENSION;
        this.#state = "name_start";
        return false;
      case "name_start":
        if (isSpace) return false;
        if (TOKEN[byte] === 0) return BAD_EXTENSION;
        this.#state = "name";
        return false;
      case "name":
        if (TOKEN[byte] !== 0) return false;
        if (byte === EQUALS) this.#state = "value_start";
        else if (isSpace) this.#state = "after_name";
        else return this.#takeEnd(byte, BAD_EXTENSION);
        return false;
      case "after_name":
        if (isSpace) return false;
        if (byte === EQUALS) this.#state = "value_start";
        else if (byte === SEMICOLON) this.#state = "name_start";
        else return BAD_EXTENSION;
        return false;
      case "value_start":
        if (isSpace) return false;
        if (byte === QUOTE) this.#state = "quoted";
        else if (TOKEN[byte] !== 0) this.#state = "value";
        else return BAD_EXTENSION;
        return false;
      case "value":
        return TOKEN[byte] !== 0 ? false : this.#takeEnd(byte, BAD_EXTENSION);
      case "quoted":
        if (byte === QUOTE) this.#state = "after_quoted";
        else if (byte === BACKSLASH) this.#state = "quoted_pair";
        else if (FIELD_VALUE[byte] === 0) return BAD_EXTENSION;
        return false;
      case "quoted_pair":
        this.#state = "quoted";
        return FIELD_VALUE[byte] === 0 ? BAD_EXTENSION : false;
      default:
        return this.#takeEnd(byte, BAD_EXTENSION);
    }
  }
}
