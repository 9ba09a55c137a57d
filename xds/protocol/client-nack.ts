import { describeProblem, type Problem } from "../common/problem.ts";

/** A resource of a response that is not used, and everything that is wrong with it. */
export interface Rejection {
  /** The resource's name, or `resources[3]` where it could not be read. */
  readonly name: string;
  readonly problems: readonly Problem[];
}

/** `error_detail.message` is kept under this by default, in bytes: it travels with every NACK and is written to the server's log. */
const NACK_DETAIL_BYTES = 4096;

/** The errors of one resource in one line. Warnings are left out: they reject nothing. */
export function describeErrors({ problems }: Rejection): string {
  const errors = problems.filter(({ severity }) => severity === "error");
  return errors.map(describeProblem).join("; ");
}

/**
 * The `error_detail.message` of a NACK: each refused resource with its faults, cut to `limitBytes` of UTF-8 with a note of how
 * many resources there were, so that a person still sees that more is wrong than is shown.
 */
export function nackDetail(rejections: readonly Rejection[], limitBytes = NACK_DETAIL_BYTES): string {
  const lines: string[] = [];
  let size = 0;
  for (const rejection of rejections) {
    const line = `${JSON.stringify(rejection.name)}: ${describeErrors(rejection)}`;
    size += Buffer.byteLength(line) + 1;
    if (size > limitBytes) {
      const note = ` (truncated; ${rejections.length} resources refused)`;
      const kept = [...lines, line].join("\n");
      return cutUtf8(kept, limitBytes - Buffer.byteLength(note)) + note;
    }
    lines.push(line);
  }
  return lines.join("\n");
}

/** The longest start of `text` that takes at most `bytes` and ends between two characters. */
function cutUtf8(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  let end = Math.min(Math.max(0, bytes), encoded.length);
  // 10xxxxxx continues a character: step back to where one starts.
  while (end > 0 && end < encoded.length && (encoded[end]! & 0xc0) === 0x80) end--;
  return encoded.toString("utf8", 0, end);
}
