/** Heads are written here first, to be looked at. Larger ones are rare and get their own. */
const scratch = Buffer.alloc(65_536);
const scratchWords = new Uint32Array(scratch.buffer, scratch.byteOffset, scratch.length / 4);

const LINE_BREAKS = 2;
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/g;

/** How many of the first bytes are controls (below 0x20), four bytes at a time. */
function countControls(words: Uint32Array, count: number): number {
  let controls = 0;
  for (let i = 0; i < count; i++) {
    const word = words[i] as number;
    // Adding 0x60 to a byte's low seven bits sets its top bit unless the byte is below 0x20 (Warren, "Hacker's Delight", 6-1).
    let flags = ~(((word & 0x7f7f7f7f) + 0x60606060) | word) & 0x80808080;
    while (flags !== 0) {
      flags &= flags - 1;
      controls++;
    }
  }
  return controls;
}

/**
 * Line breaks and other controls become spaces (RFC 9110, 5.5), and so does what latin1 would cut down to some other byte. For
 * the parts of lines that are about to be written again.
 */
export function cleanText(part: string): string {
  return part.replace(FORBIDDEN, " ");
}

/**
 * The bytes of `lines` lines, each ended by CR LF, and `body` behind them. Undefined: there are more control characters in the
 * text than its line ends, so that some part would break a line. Every head that leaves passes here; looking at the bytes
 * that really go out, after latin1 has cut them, costs less than looking at each part and misses nothing.
 */
export function encodeLines(text: string, lines: number, body: Buffer | undefined): Buffer | undefined {
  const { length } = text;
  const fits = length <= scratch.length - 4;
  const bytes = fits ? scratch : Buffer.alloc((length + 7) & ~3);
  const words = fits ? scratchWords : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  bytes.write(text, 0, length, "latin1");
  bytes.fill(0x20, length, (length + 3) & ~3);
  if (countControls(words, (length + 3) >>> 2) !== lines * LINE_BREAKS) return undefined;
  const message = Buffer.allocUnsafe(length + (body === undefined ? 0 : body.length));
  bytes.copy(message, 0, 0, length);
  if (body !== undefined) body.copy(message, length);
  return message;
}
