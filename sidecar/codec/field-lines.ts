import { COLON, CR, DEL, HTAB, isToken, isWord, LF, SP, TOKEN } from "./grammar.ts";
import type { FieldBlock, FieldLines } from "./head.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** In which section field lines stand; it decides which of them are the hop's own. */
export type Section = "request" | "response" | "trailers";

/** What becomes of request fields whose name has an underscore, which CGI-like peers take for a hyphen. */
export type Underscores = "allow" | "reject" | "drop";

const BAD_NAME = refusal("malformed", "a field line does not begin with a name and a colon");
const FOLDED = refusal("malformed", "a field line begins with white space (obs-fold)");
const BAD_VALUE = refusal(
  "malformed",
  "a field value holds a control character, or a line ends without CR LF",
);
const TOO_MANY = refusal("head_too_large", "more field lines than allowed");
const UNDERSCORE = refusal("malformed", "a field name has an underscore");
const BAD_LENGTH = refusal("malformed", "Content-Length is not a decimal number");
const TWO_LENGTHS = refusal("malformed", "Content-Length is repeated");
const TWO_CODINGS = refusal("malformed", "Transfer-Encoding is repeated");
const BAD_CODING = refusal("malformed", "Transfer-Encoding is not exactly one chunked");
const OTHER_CODING = refusal("unsupported_coding", "a transfer coding other than chunked");
const BAD_OPTIONS = refusal("malformed", "Connection is not a list of tokens");
const TWO_HOSTS = refusal("malformed", "Host is repeated");
const BAD_EXPECTATION = refusal("unsupported_expectation", "an expectation other than 100-continue");
const FRAMING_TRAILER = refusal("malformed", "a trailer field that frames or routes the message");

/**
 * Fields that a Connection option does not remove. A peer may strip its own end-to-end fields that way, but
 * not framing, nor what proxies on the way have vouched for. Such an option is without effect instead of an
 * error: the message stays well framed, and the field it aimed at is passed on.
 */
const TRUSTED: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "host",
  "via",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-client-cert",
  "x-request-id",
  "x-envoy-internal",
  "x-envoy-external-address",
  "traceparent",
  "tracestate",
]);

const NO_FIELDS: FieldLines = [];
/** Where a block would end that is none. */
const APART = -2;

/** No more digits than a double holds exactly (15 always fit below 2^53). */
const MAX_LENGTH_DIGITS = 15;

/**
 * Reads field lines and sorts out those that speak about the hop instead of the message (RFC 9110, 7.6.1).
 * One of these per connection; the results stand until the next `read`.
 */
export class FieldReader {
  fields: FieldLines = [];
  block: FieldBlock | undefined = undefined;
  /** -1: absent. */
  contentLength = -1;
  chunked = false;
  host: string | undefined;
  close = false;
  keepAlive = false;
  /** Lower-case protocol of Upgrade, if Connection names it; empty: none. */
  upgrade = "";
  expectContinue = false;
  acceptsTrailers = false;

  readonly #section: Section;
  readonly #maxFields: number;
  readonly #underscores: Underscores;
  /** Content-Length has leading zeros, with which it is not passed on. */
  #paddedLength = false;
  #upgradeOption = false;
  #nominated: Set<string> | undefined;

  constructor(section: Section, maxFields: number, underscores: Underscores) {
    this.#section = section;
    this.#maxFields = maxFields;
    this.#underscores = underscores;
  }

  /**
   * `bytes` from `from` to `end` are whole lines, each with its CR LF, and a CR stands at `end`. `text` is
   * their latin1 with `base` as its first byte.
   */
  read(bytes: Buffer, from: number, end: number, text: string, base: number): Refusal | undefined {
    this.release();
    this.fields = [];
    let at = from;
    let count = 0;
    let blockStart = -1;
    let blockEnd = -1;
    while (at < end) {
      const nameStart = at;
      let kinds = 0;
      let kind = TOKEN[bytes[at] as number] as number;
      while (kind !== 0) {
        kinds |= kind;
        kind = TOKEN[bytes[++at] as number] as number;
      }
      if (at === nameStart) return bytes[at] === SP || bytes[at] === HTAB ? FOLDED : BAD_NAME;
      if (bytes[at] !== COLON) return BAD_NAME;
      const nameEnd = at++;
      while (bytes[at] === SP || bytes[at] === HTAB) at++;
      const valueStart = at;
      let byte = bytes[at] as number;
      while ((byte >= SP && byte !== DEL) || byte === HTAB) byte = bytes[++at] as number;
      if (byte !== CR || bytes[at + 1] !== LF) return BAD_VALUE;
      let valueEnd = at;
      const lineEnd = at + 2;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB))
        valueEnd--;
      at = lineEnd;
      if (++count > this.#maxFields) return TOO_MANY;

      if ((kinds & 2) !== 0 && this.#underscores !== "allow") {
        if (this.#underscores === "reject") return UNDERSCORE;
        continue;
      }
      const value = text.slice(valueStart - base, valueEnd - base);
      const nameLength = nameEnd - nameStart;
      if (nameLength <= 17 && SPECIAL_LENGTHS[nameLength] === 1) {
        const outcome = this.#special(bytes, nameStart, nameLength, value, valueEnd);
        if (outcome === HOP_BY_HOP) continue;
        if (outcome !== END_TO_END) return outcome;
      }
      this.fields.push(text.slice(nameStart - base, nameEnd - base), value);
      // One space and no more: what was written otherwise is written anew.
      const isPlain = valueStart === nameEnd + 2 && valueEnd === lineEnd - 2;
      if (blockStart < 0) blockStart = nameStart;
      else if (nameStart !== blockEnd) blockEnd = APART;
      if (blockEnd !== APART) blockEnd = isPlain ? lineEnd : APART;
    }
    if (this.#nominated !== undefined) this.#strip(this.#nominated);
    else if (blockEnd >= 0 && !this.#paddedLength) {
      const { fields, contentLength } = this;
      this.block = {
        text: text.slice(blockStart - base, blockEnd - base),
        fields: fields.slice(),
        contentLength,
      };
    }
    if (!this.#upgradeOption) this.upgrade = "";
    return undefined;
  }

  /** Back to the beginning, and lets go of strings that would keep the last head in memory. */
  release(): void {
    this.fields = NO_FIELDS;
    this.block = undefined;
    this.contentLength = -1;
    this.chunked = false;
    this.host = undefined;
    this.close = false;
    this.keepAlive = false;
    this.upgrade = "";
    this.expectContinue = false;
    this.acceptsTrailers = false;
    this.#paddedLength = false;
    this.#upgradeOption = false;
    this.#nominated = undefined;
  }

  /** Names are told apart by length first: only those few that can be special are compared. */
  #special(bytes: Buffer, at: number, length: number, value: string, valueEnd: number): Outcome {
    switch (length) {
      case 2:
        if (!isWord(bytes, at, "te")) return END_TO_END;
        if (
          value
            .toLowerCase()
            .split(",")
            .some((coding) => coding.trim() === "trailers")
        )
          this.acceptsTrailers = true;
        return HOP_BY_HOP;
      case 4:
        // A response may have a field of that name; it says nothing there.
        if (this.#section === "response" || !isWord(bytes, at, "host")) return END_TO_END;
        return this.#takeHost(value);
      case 6:
        if (this.#section !== "request" || !isWord(bytes, at, "expect")) return END_TO_END;
        if (value.toLowerCase() !== "100-continue") return BAD_EXPECTATION;
        this.expectContinue = true;
        return HOP_BY_HOP;
      case 7:
        if (!isWord(bytes, at, "upgrade")) return END_TO_END;
        this.#takeUpgrade(value);
        return HOP_BY_HOP;
      case 10:
        if (isWord(bytes, at, "connection")) return this.#takeOptions(value);
        return isWord(bytes, at, "keep-alive") ? HOP_BY_HOP : END_TO_END;
      case 14:
        if (isWord(bytes, at, "content-length")) return this.#takeLength(value);
        return isWord(bytes, at, "http2-settings") ? HOP_BY_HOP : END_TO_END;
      case 16:
        return isWord(bytes, at, "proxy-connection") ? HOP_BY_HOP : END_TO_END;
      case 17:
        if (!isWord(bytes, at, "transfer-encoding")) return END_TO_END;
        // White space behind the coding is legal, but there are parsers (llhttp) to which "chunked" and a tab
        // is another coding.
        return bytes[valueEnd] === CR ? this.#takeCoding(value) : BAD_CODING;
      default:
        return END_TO_END;
    }
  }

  #takeHost(value: string): Outcome {
    if (this.#section === "trailers") return FRAMING_TRAILER;
    if (this.host !== undefined) return TWO_HOSTS;
    this.host = value;
    return HOP_BY_HOP;
  }

  #takeLength(value: string): Outcome {
    if (this.#section === "trailers") return FRAMING_TRAILER;
    if (this.contentLength >= 0) return TWO_LENGTHS;
    let length = 0;
    for (let i = 0; i < value.length; i++) {
      const digit = value.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9) return BAD_LENGTH;
      length = length * 10 + digit;
    }
    if (value.length === 0 || value.length > MAX_LENGTH_DIGITS) return BAD_LENGTH;
    this.contentLength = length;
    this.#paddedLength = value.length > 1 && value.startsWith("0");
    return END_TO_END;
  }

  #takeCoding(value: string): Outcome {
    if (this.#section === "trailers") return FRAMING_TRAILER;
    if (this.chunked) return TWO_CODINGS;
    const coding = value.toLowerCase();
    if (coding !== "chunked") {
      const codings = coding.split(",").map((one) => one.trim());
      const known = codings.filter((one) => one === "chunked").length;
      return codings.every(isToken) && known <= 1 && known < codings.length ? OTHER_CODING : BAD_CODING;
    }
    this.chunked = true;
    return HOP_BY_HOP;
  }

  /**
   * The first protocol that is not `h2c`: an upgrade to that would carry requests past everything that routes
   * them.
   */
  #takeUpgrade(value: string): void {
    if (this.upgrade !== "") return;
    const protocols = value.toLowerCase().split(",");
    this.upgrade = protocols.map((one) => one.trim()).find((one) => one !== "" && one !== "h2c") ?? "";
  }

  #takeOptions(value: string): Outcome {
    if (value === "keep-alive") {
      this.keepAlive = true;
      return HOP_BY_HOP;
    }
    for (const part of value.toLowerCase().split(",")) {
      const option = part.trim();
      if (option === "close") this.close = true;
      else if (option === "keep-alive") this.keepAlive = true;
      else if (option === "upgrade") this.#upgradeOption = true;
      else if (option !== "") {
        if (!isToken(option)) return BAD_OPTIONS;
        if (TRUSTED.has(option)) continue;
        this.#nominated ??= new Set();
        this.#nominated.add(option);
      }
    }
    return HOP_BY_HOP;
  }

  #strip(names: ReadonlySet<string>): void {
    const kept: FieldLines = [];
    for (let i = 0; i < this.fields.length; i += 2) {
      const name = this.fields[i] as string;
      if (!names.has(name.toLowerCase())) kept.push(name, this.fields[i + 1] as string);
    }
    this.fields = kept;
  }
}

const END_TO_END = "end-to-end";
const HOP_BY_HOP = "hop-by-hop";
type Outcome = typeof END_TO_END | typeof HOP_BY_HOP | Refusal;

/** Lengths of the names that `#special` knows. */
const SPECIAL_LENGTHS = Uint8Array.from({ length: 18 }, (_, length) =>
  [2, 4, 6, 7, 10, 14, 16, 17].includes(length) ? 1 : 0,
);
