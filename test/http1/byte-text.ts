/** The escapes that a script may use, besides `\xHH` and `\*N:c` (N times the character or escape c). */
const NAMED: ReadonlyMap<string, string> = new Map([
  ["r", "\r"],
  ["n", "\n"],
  ["t", "\t"],
  ["0", "\0"],
  ["\\", "\\"],
  ["?", "\x1a"],
]);

/** What `\?` becomes: in what a case expects it stands for any text. */
export const WILDCARD = "\x1a";

const ESCAPE = /\\(?:\*(\d+):(\\x[0-9a-fA-F]{2}|\\.|.)|x([0-9a-fA-F]{2})|(.))/gs;
/** Longer messages are cut where people read them. */
const SHOWN_BYTES = 2_000;

/** The bytes of one line of a script, with its CR LF unless a lone `\` stands at its end. */
export function bytesOfLine(line: string): string {
  return line.endsWith("\\") && !line.endsWith("\\\\") ? decode(line.slice(0, -1)) : `${decode(line)}\r\n`;
}

function decode(text: string): string {
  return text.replace(ESCAPE, (whole, count?: string, repeated?: string, hex?: string, named?: string) => {
    if (count !== undefined && repeated !== undefined) return decode(repeated).repeat(Number(count));
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    const character = NAMED.get(named ?? "");
    if (character === undefined) throw new Error(`${whole} is no escape`);
    return character;
  });
}

/** The other way round, for people: the lines by which a script would say these bytes. */
export function linesOfBytes(bytes: string): string {
  const shown =
    bytes.length > SHOWN_BYTES ? `${bytes.slice(0, SHOWN_BYTES)}... (${bytes.length} bytes)` : bytes;
  const lines = shown.split("\r\n").map((line) => Array.from(line, encode).join(""));
  const last = lines.pop();
  if (last !== "") lines.push(`${last}\\`);
  return lines.map((line) => `    | ${line}`).join("\n");
}

function encode(character: string): string {
  const code = character.charCodeAt(0);
  if (code >= 0x20 && code < 0x7f && character !== "\\") return character;
  const named = [...NAMED].find(([, value]) => value === character);
  return named ? `\\${named[0]}` : `\\x${code.toString(16).padStart(2, "0")}`;
}
