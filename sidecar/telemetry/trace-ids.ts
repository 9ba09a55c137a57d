import type { Random } from "../../xds/common/random.ts";

/** All bytes in hex: putting ids together from these is several times cheaper than formatting numbers. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** Makes trace and span ids. They are no secrets: a fast generator is enough, as long as each process seeds its own. */
export class TraceIds {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** 32 lower-case hex digits, never all zero. */
  traceId(): string {
    return this.spanId() + this.spanId();
  }

  /** 16 lower-case hex digits, never all zero. */
  spanId(): string {
    return this.#word(1) + this.#word(0);
  }

  #word(least: 0 | 1): string {
    const word = (this.#random() * 0x1_0000_0000) >>> 0 || least;
    return HEX[word >>> 24]! + HEX[(word >>> 16) & 0xff]! + HEX[(word >>> 8) & 0xff]! + HEX[word & 0xff]!;
  }
}
