import { isAuthority, isAuthorityWithPort } from "./authority.ts";
import { CR, HEX, isWord, LF, PATH, QUERY, SP, TOKEN } from "./grammar.ts";
import { type Refusal, refusal } from "./refusal.ts";

const BAD_METHOD = refusal("malformed", "the request line does not begin with a method and one space");
const BAD_TARGET = refusal("malformed", "the request target holds a character that is not allowed");
const BAD_FORM = refusal(
  "malformed",
  "the request target has none of the four forms, or one its method may not use",
);
const BAD_AUTHORITY = refusal(
  "malformed",
  "the request target's authority is not a host with an optional port",
);
const BAD_VERSION = refusal("malformed", "the request line does not end with HTTP/1.1 or HTTP/1.0");
const OTHER_VERSION = refusal("unsupported_version", "neither HTTP/1.1 nor HTTP/1.0");
const LONG_TARGET = refusal("target_too_long", "the request target is longer than allowed");

const SLASH = 0x2f;
const QUESTION = 0x3f;
const PERCENT = 0x25;
/** `HTTP/` */
const NAME = [0x48, 0x54, 0x54, 0x50, SLASH];

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/**
 * Where `absolute-path ["?" query]` ends: at the first byte that cannot belong to it. The path is judged by
 * the letter of RFC 3986, the query as `QUERY` says.
 */
function originFormEnd(bytes: Buffer, from: number): number {
  let at = from;
  let byte = bytes[at] as number;
  for (;;) {
    if (PATH[byte] !== 0) at++;
    else if (byte === PERCENT && HEX[bytes[at + 1] as number] !== 255 && HEX[bytes[at + 2] as number] !== 255)
      at += 3;
    else break;
    byte = bytes[at] as number;
  }
  if (byte === QUESTION) while (QUERY[bytes[at] as number] !== 0) at++;
  return at;
}

/** Where printable characters end. */
function wordEnd(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] as number) > SP) at++;
  return at;
}

/** Where the authority of an absolute-form begins, behind `http://` or `https://`; -1: it is none. */
function schemeEnd(bytes: Buffer, from: number): number {
  if (isWord(bytes, from, "http://")) return from + 7;
  return isWord(bytes, from, "https://") ? from + 8 : -1;
}

/** A request line taken apart. One per connection; the results stand until the next `read`. */
export class RequestLine {
  method = "";
  target = "";
  /** The target's own authority (absolute-form, CONNECT), which replaces Host; empty: it has none. */
  authority = "";
  version: 0 | 1 = 1;

  /** Just behind the line's LF. */
  end = 0;

  readonly #maxTargetBytes: number;

  constructor(maxTargetBytes: number) {
    this.#maxTargetBytes = maxTargetBytes;
  }

  /** The whole line has come: there is a CR to stop at. `text` is latin1 with `base` as its first byte. */
  read(bytes: Buffer, from: number, text: string, base: number): Refusal | undefined {
    let at = from;
    while (TOKEN[bytes[at] as number] !== 0) at++;
    if (at === from || bytes[at] !== SP) return BAD_METHOD;
    this.method = methodOf(bytes, from, at, text, base);
    const targetStart = at + 1;
    this.authority = "";
    const isOriginForm = bytes[targetStart] === SLASH && this.method !== "CONNECT";
    at = isOriginForm ? originFormEnd(bytes, targetStart) : wordEnd(bytes, targetStart);
    this.target = text.slice(targetStart - base, at - base);
    if (at - targetStart > this.#maxTargetBytes) return LONG_TARGET;
    if (bytes[at] !== SP) return bytes[at] === CR ? BAD_VERSION : BAD_TARGET;
    return (
      this.#readVersion(bytes, at + 1) ?? (isOriginForm ? undefined : this.#readOtherForm(bytes, targetStart))
    );
  }

  /** Lets go of the last line's strings, which would keep its whole head in memory. */
  release(): void {
    this.method = "";
    this.target = "";
    this.authority = "";
  }

  #readVersion(bytes: Buffer, from: number): Refusal | undefined {
    for (let i = 0; i < NAME.length; i++) if (bytes[from + i] !== NAME[i]) return BAD_VERSION;
    const major = bytes[from + 5];
    const minor = bytes[from + 7];
    if (!isDigit(major) || bytes[from + 6] !== 0x2e || !isDigit(minor)) return BAD_VERSION;
    if (bytes[from + 8] !== CR || bytes[from + 9] !== LF) return BAD_VERSION;
    if (major !== 0x31 || (minor !== 0x30 && minor !== 0x31)) return OTHER_VERSION;
    this.version = minor === 0x31 ? 1 : 0;
    this.end = from + 10;
    return undefined;
  }

  #readOtherForm(bytes: Buffer, from: number): Refusal | undefined {
    const { target } = this;
    if (this.method === "CONNECT") {
      this.authority = target;
      return isAuthorityWithPort(target) ? undefined : BAD_AUTHORITY;
    }
    if (target === "*") return this.method === "OPTIONS" ? undefined : BAD_FORM;
    const authorityStart = schemeEnd(bytes, from);
    if (authorityStart < 0) return BAD_FORM;
    const end = from + target.length;
    let pathStart = authorityStart;
    while (pathStart < end && bytes[pathStart] !== SLASH && bytes[pathStart] !== QUESTION) pathStart++;
    this.authority = target.slice(authorityStart - from, pathStart - from);
    if (!isAuthority(this.authority)) return BAD_AUTHORITY;
    if (originFormEnd(bytes, pathStart) !== end) return BAD_TARGET;
    this.target = target.slice(pathStart - from);
    // An empty path is "/" (RFC 9112, 3.2.1), and for OPTIONS the whole server (3.2.4).
    if (this.target === "" && this.method === "OPTIONS") this.target = "*";
    else if (!this.target.startsWith("/")) this.target = `/${this.target}`;
    return undefined;
  }
}

/** The two methods of nearly all requests come as the constants that they are compared with. */
function methodOf(bytes: Buffer, from: number, end: number, text: string, base: number): string {
  if (end - from === 3 && bytes[from] === 0x47 && bytes[from + 1] === 0x45 && bytes[from + 2] === 0x54)
    return "GET";
  const method = text.slice(from - base, end - base);
  return method === "POST" ? "POST" : method;
}
