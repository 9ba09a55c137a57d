/**
 * MurmurHash3, 32 bits (Appleby), over the low bytes of the characters: endpoint names are ASCII. Spreads well, and needs
 * only 32-bit multiplications. Not for anything that an attacker chooses.
 */
export function hash32(text: string, seed: number): number {
  let hash = seed | 0;
  let at = 0;
  for (; at + 4 <= text.length; at += 4) {
    const word =
      (text.charCodeAt(at) & 0xff) |
      ((text.charCodeAt(at + 1) & 0xff) << 8) |
      ((text.charCodeAt(at + 2) & 0xff) << 16) |
      ((text.charCodeAt(at + 3) & 0xff) << 24);
    hash = mixWord(hash, word);
  }
  let tail = 0;
  for (let i = text.length - 1; i >= at; i--) tail = (tail << 8) | (text.charCodeAt(i) & 0xff);
  if (text.length > at) hash ^= scramble(tail);
  return finish(hash ^ text.length);
}

/** One more number into a hash: the i-th place of an endpoint, without building a string for it. */
export function rehash32(hash: number, number: number): number {
  return finish(mixWord(hash, number));
}

function scramble(word: number): number {
  const product = Math.imul(word, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

function mixWord(hash: number, word: number): number {
  const mixed = hash ^ scramble(word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
