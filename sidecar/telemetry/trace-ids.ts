import type { Random } from "../../xds/common/random.ts";
import type { TraceContext } from "./facts.ts";

const DIGITS = Buffer.from("0123456789abcdef", "latin1");
const DASH = 0x2d;
/** Ids are written here and read as one string: put together from pieces, they would be ropes that everybody who reads them has to flatten. */
const scratch = Buffer.allocUnsafeSlow(36);

/** Makes trace and span ids. They are no secrets: a fast generator is enough, as long as each process seeds its own. */
export class TraceIds {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** 32 lower-case hex digits, never all zero. */
  traceId(): string {
    this.#write(16, 0);
    this.#write(24, 0);
    return this.#id(32);
  }

  /** 16 lower-case hex digits, never all zero. */
  spanId(): string {
    return this.#id(16);
  }

  #id(length: number): string {
    this.#write(0, 1);
    this.#write(8, 0);
    return scratch.toString("latin1", 0, length);
  }

  #write(at: number, least: 0 | 1): void {
    let word = (this.#random() * 0x1_0000_0000) >>> 0 || least;
    for (let i = at + 7; i >= at; i--) {
      scratch[i] = DIGITS[word & 15] as number;
      word >>>= 4;
    }
  }
}

/** Digits of both ids, in the groups of a UUID. */
const GROUPS = [8, 4, 4, 4, 12];

/** A UUID made of what is random already: unique per request, and it begins as its trace does. */
export function requestIdOf({ traceId, spanId }: TraceContext): string {
  const digits = traceId.slice(0, 16) + spanId;
  let read = 0;
  let at = 0;
  for (const length of GROUPS) {
    if (at > 0) scratch[at++] = DASH;
    for (let end = at + length; at < end; at++) scratch[at] = digits.charCodeAt(read++);
  }
  return scratch.toString("latin1", 0, at);
}
