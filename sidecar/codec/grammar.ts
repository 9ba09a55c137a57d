/*
 * RFC 9110 and 9112 as tables of 256 entries: one load per byte decides, on the hot path and everywhere else.
 */

export const CR = 0x0d;
export const LF = 0x0a;
export const SP = 0x20;
export const HTAB = 0x09;
export const COLON = 0x3a;
export const DEL = 0x7f;

function table(fill: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => fill(byte));
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isOneOf(characters: string, byte: number): boolean {
  return characters.includes(String.fromCharCode(byte));
}

/**
 * `token` (RFC 9110, 5.6.2): methods and field names. 2 marks the underscore, which some peers take for a
 * hyphen.
 */
export const TOKEN = table((byte) =>
  byte === 0x5f ? 2 : isAlphanumeric(byte) || isOneOf("!#$%&'*+-.^`|~", byte) ? 1 : 0,
);

/**
 * What may stand in a field value (RFC 9110, 5.5): HTAB, SP, VCHAR, obs-text. Everything but controls and
 * DEL.
 */
export const FIELD_VALUE = table((byte) => (byte === HTAB || (byte >= SP && byte !== DEL) ? 1 : 0));

/** `pchar` and `/` without percent-encodings (RFC 3986, 3.3): a path. */
export const PATH = table((byte) => (isAlphanumeric(byte) || isOneOf("-._~!$&'()*+,;=:@/", byte) ? 1 : 0));

/**
 * A query. RFC 3986 allows less, but URL parsers (WHATWG: every browser, every `fetch`) write these
 * characters unencoded in queries, and none of them can move the end of a target: only SP, controls, `"`,
 * `<`, `>`, `#` and bytes beyond ASCII are refused.
 */
export const QUERY = table((byte) => (byte > 0x20 && byte < 0x7f && !isOneOf('"<>#', byte) ? 1 : 0));

/** `reg-name` (RFC 3986, 3.2.2) without percent-encodings, which no resolver understands in a host. */
export const HOST = table((byte) => (isAlphanumeric(byte) || isOneOf("-._~!$&'()*+,;=", byte) ? 1 : 0));

/** The value of a hexadecimal digit; 255: none. */
export const HEX = table((byte) => {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? 255 : digit;
});

/** ASCII letters in lower case; all else as it is. */
const LOWER = table((byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));

/** Does `lowerWord` stand at `at`, in any case? */
export function isWord(bytes: Buffer, at: number, lowerWord: string): boolean {
  for (let i = 0; i < lowerWord.length; i++) {
    if (LOWER[bytes[at + i] as number] !== lowerWord.charCodeAt(i)) return false;
  }
  return true;
}

/** Bytes as code units: nothing is lost, and what is written again is the same bytes. */
export function latin1(bytes: Buffer, from: number, end: number): string {
  return bytes.toString("latin1", from, end);
}

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f || TOKEN[code] === 0) return false;
  }
  return text.length > 0;
}
