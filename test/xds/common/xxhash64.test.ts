import assert from "node:assert/strict";
import test from "node:test";
import { type Hash64, xxhash64 } from "../../../xds/common/xxhash64.ts";

const hex = ({ high, low }: Hash64) => ((BigInt(high) << 32n) | BigInt(low)).toString(16).padStart(16, "0");

test("xxHash64 gives the values of its specification", () => {
  assert.equal(hex(xxhash64("")), "ef46db3751d8e999");
  assert.equal(hex(xxhash64("a")), "d24ec4f1a98c6e5b");
  assert.equal(hex(xxhash64("abc")), "44bc2cf5ad770999");
  assert.equal(hex(xxhash64("Nobody inspects the spammish repetition")), "fbcea83c8a378bf1");
});

const MASK = (1n << 64n) - 1n;
const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;
const rotate = (x: bigint, bits: bigint) => ((x << bits) | (x >> (64n - bits))) & MASK;
const round = (sum: bigint, lane: bigint) => (rotate((sum + lane * P2) & MASK, 31n) * P1) & MASK;

/** The specification's steps in plain 64-bit arithmetic. */
function plain(bytes: Buffer, seed: bigint): bigint {
  let at = 0;
  let hash = (seed + P5) & MASK;
  if (bytes.length >= 32) {
    let sums = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK];
    for (; at + 32 <= bytes.length; at += 32)
      sums = sums.map((sum, i) => round(sum, bytes.readBigUInt64LE(at + i * 8)));
    hash = sums.reduce((sum, one, i) => (sum + rotate(one, [1n, 7n, 12n, 18n][i]!)) & MASK, 0n);
    for (const sum of sums) hash = ((hash ^ round(0n, sum)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK;
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]!) * P5) & MASK), 11n) * P1) & MASK;
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

test("texts of every length up to 100, of any bytes and with any seed, hash as in plain 64-bit arithmetic", () => {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  for (let length = 0; length <= 100; length++) {
    const bytes = Buffer.from(Array.from({ length }, () => next() >>> 24));
    const seed = { high: next(), low: next() };
    const wanted = plain(bytes, (BigInt(seed.high) << 32n) | BigInt(seed.low));
    assert.equal(hex(xxhash64(bytes.toString("latin1"), seed)), wanted.toString(16).padStart(16, "0"));
  }
});
