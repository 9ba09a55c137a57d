/** 64 bits, unsigned, as two halves of 32 that are 0 to 2^32 - 1: numbers hold 53 bits, and bigints cost an allocation a step. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

const ZERO: Hash64 = { high: 0, low: 0 };
const P1: Hash64 = { high: 0x9e3779b1, low: 0x85ebca87 };
/** 2^64 - P1. */
const MINUS_P1: Hash64 = { high: 0x61c8864e, low: 0x7a143579 };
const P2: Hash64 = { high: 0xc2b2ae3d, low: 0x27d4eb4f };
const P3: Hash64 = { high: 0x165667b1, low: 0x9e3779f9 };
const P4: Hash64 = { high: 0x85ebca77, low: 0xc2b2ae63 };
const P5: Hash64 = { high: 0x27d4eb2f, low: 0x165667c5 };

/** A sum that is changed in place, modulo 2^64. Its halves are 32 bits of either sign. */
class Accumulator {
  high: number;
  low: number;

  constructor({ high, low }: Hash64) {
    this.high = high | 0;
    this.low = low | 0;
  }

  add(other: Hash64): this {
    const low = (this.low >>> 0) + (other.low >>> 0);
    this.high = (this.high + other.high + (low > 0xffff_ffff ? 1 : 0)) | 0;
    this.low = low | 0;
    return this;
  }

  multiply(by: Hash64): this {
    const a0 = this.low & 0xffff;
    const a1 = this.low >>> 16;
    const b0 = by.low & 0xffff;
    const b1 = by.low >>> 16;
    // The upper half of the product of both lower halves, which 32-bit multiplication loses.
    const middle = a0 * b1 + a1 * b0 + ((a0 * b0) >>> 16);
    const carried = a1 * b1 + Math.floor(middle / 0x1_0000);
    this.high = (carried + Math.imul(this.high, by.low) + Math.imul(this.low, by.high)) | 0;
    this.low = Math.imul(this.low, by.low);
    return this;
  }

  /** By 1 to 31 bits. */
  rotateLeft(bits: number): this {
    const { high, low } = this;
    this.high = (high << bits) | (low >>> (32 - bits));
    this.low = (low << bits) | (high >>> (32 - bits));
    return this;
  }

  xor(other: Hash64): this {
    this.high ^= other.high;
    this.low ^= other.low;
    return this;
  }

  /** Mixes the upper bits into the lower; by 29 to 33 bits. */
  xorShiftRight(bits: number): this {
    const { high, low } = this;
    this.low = low ^ (bits >= 32 ? high >>> (bits - 32) : (low >>> bits) | (high << (32 - bits)));
    if (bits < 32) this.high = high ^ (high >>> bits);
    return this;
  }

  /** One round: takes in 64 bits of the text. */
  take(lane: Hash64): this {
    return this.add(new Accumulator(lane).multiply(P2)).rotateLeft(31).multiply(P1);
  }

  get value(): Hash64 {
    return { high: this.high >>> 0, low: this.low >>> 0 };
  }
}

function word(text: string, at: number): number {
  return (
    (text.charCodeAt(at) & 0xff) |
    ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

function lane(text: string, at: number): Hash64 {
  return { high: word(text, at + 4), low: word(text, at) };
}

/** Four lanes of 8 bytes each, for as long as the text has them. */
function takeStripes(text: string, seed: Hash64): Accumulator {
  const lanes = [
    new Accumulator(seed).add(P1).add(P2),
    new Accumulator(seed).add(P2),
    new Accumulator(seed),
    new Accumulator(seed).add(MINUS_P1),
  ] as const;
  for (let at = 0; at + 32 <= text.length; at += 32) {
    for (let i = 0; i < 4; i++) lanes[i]!.take(lane(text, at + i * 8));
  }
  const hash = new Accumulator(ZERO);
  for (const [i, bits] of [1, 7, 12, 18].entries()) {
    hash.add(new Accumulator(lanes[i]!).rotateLeft(bits));
  }
  for (const one of lanes) hash.xor(new Accumulator(ZERO).take(one)).multiply(P1).add(P4);
  return hash;
}

/**
 * xxHash64 (Yann Collet, "xxHash fast digest algorithm", 0.1.1) of a text's latin1 bytes: what Envoy and gRPC place endpoints and
 * requests by. It keeps no secret, so never use it where an attacker gains by collisions.
 */
export function xxhash64(text: string, seed: Hash64 = ZERO): Hash64 {
  const { length } = text;
  const hash = length >= 32 ? takeStripes(text, seed) : new Accumulator(seed).add(P5);
  hash.add({ high: 0, low: length });
  let at = length - (length % 32);
  for (; at + 8 <= length; at += 8) {
    hash
      .xor(new Accumulator(ZERO).take(lane(text, at)))
      .rotateLeft(27)
      .multiply(P1)
      .add(P4);
  }
  if (at + 4 <= length) {
    hash.xor(new Accumulator({ high: 0, low: word(text, at) }).multiply(P1)).rotateLeft(23);
    hash.multiply(P2).add(P3);
    at += 4;
  }
  for (; at < length; at++) {
    const byte = { high: 0, low: text.charCodeAt(at) & 0xff };
    hash.xor(new Accumulator(byte).multiply(P5)).rotateLeft(11).multiply(P1);
  }
  hash.xorShiftRight(33).multiply(P2).xorShiftRight(29).multiply(P3).xorShiftRight(32);
  return hash.value;
}
