import { CR, FIELD_VALUE, LF, SP } from "./grammar.ts";
import { type Refusal, refusal } from "./refusal.ts";

export const BAD_LINE = refusal(
  "malformed",
  "the status line is not HTTP/1.1 or HTTP/1.0, a status of three digits and a reason",
);
const BAD_STATUS = refusal("malformed", "the status is not between 100 and 599");

function digit(byte: number | undefined): number {
  const value = (byte ?? 0) - 0x30;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}

/** `HTTP/1.` */
const NAME = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e];
/** `HTTP/1.1 200 ` */
const REASON_AT = 13;

/** Can what has come so far become a response? An upstream that speaks first, or another protocol, need not be waited for. */
export function beginsResponse(bytes: Buffer, length: number): boolean {
  const known = Math.min(length, NAME.length);
  for (let i = 0; i < known; i++) if (bytes[i] !== NAME[i]) return false;
  return true;
}

/** A status line taken apart (RFC 9112, 4). One per connection; the results stand until the next `read`. */
export class StatusLine {
  version: 0 | 1 = 1;
  status = 0;
  reason = "";
  /** Just behind the line's LF. */
  end = 0;

  /** The whole head has come: there is a CR to stop at. `text` is latin1 with `base` as its first byte. */
  read(bytes: Buffer, from: number, text: string, base: number): Refusal | undefined {
    for (let i = 0; i < NAME.length; i++) if (bytes[from + i] !== NAME[i]) return BAD_LINE;
    const minor = bytes[from + 7];
    if ((minor !== 0x30 && minor !== 0x31) || bytes[from + 8] !== SP || bytes[from + 12] !== SP)
      return BAD_LINE;
    const status = digit(bytes[from + 9]) * 100 + digit(bytes[from + 10]) * 10 + digit(bytes[from + 11]);
    if (Number.isNaN(status)) return BAD_LINE;
    if (status < 100 || status > 599) return BAD_STATUS;
    const reasonStart = from + REASON_AT;
    let at = reasonStart;
    while (FIELD_VALUE[bytes[at] as number] !== 0) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return BAD_LINE;
    this.version = minor === 0x31 ? 1 : 0;
    this.status = status;
    this.reason = text.slice(reasonStart - base, at - base);
    this.end = at + 2;
    return undefined;
  }

  /** Lets go of the reason, which would keep its whole head in memory. */
  release(): void {
    this.reason = "";
  }
}
