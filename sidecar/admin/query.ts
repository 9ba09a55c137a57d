import { RE2JS } from "re2js";

/** Longer ones than anybody types; what they may cost is bounded with their length (RE2 runs in linear time). */
const LONGEST_PATTERN = 256;

/** The regular expression (RE2) that a parameter holds, to be found anywhere in a name; none where it is absent or empty. */
export function patternOf(
  query: URLSearchParams,
  parameter: string,
): { readonly regex: RE2JS | undefined } | { readonly error: string } {
  const text = query.get(parameter) ?? "";
  if (text === "") return { regex: undefined };
  if (text.length > LONGEST_PATTERN) return { error: `${parameter} may have ${LONGEST_PATTERN} characters` };
  try {
    return { regex: RE2JS.compile(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { error: `${parameter} is no regular expression of RE2: ${reason}` };
  }
}
