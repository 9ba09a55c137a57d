import type { PathMatch, RouteAction } from "../../xds/model/route-table.ts";

type RegexRewrite = NonNullable<RouteAction["regexRewrite"]>;

/** RE2's rewrite syntax: `\0` is the match, `\1` to `\9` its groups, `\\` a backslash. */
function substitute(substitution: string, groups: readonly (string | undefined)[]): string {
  let text = "";
  for (let i = 0; i < substitution.length; i++) {
    const character = substitution[i] as string;
    if (character !== "\\" || i + 1 === substitution.length) {
      text += character;
      continue;
    }
    const next = substitution[++i] as string;
    text += next >= "0" && next <= "9" ? (groups[Number(next)] ?? "") : next;
  }
  return text;
}

/** Changes the path of a target and leaves its query alone. */
export class TargetRewrite {
  readonly #matchedLength: number;
  readonly #prefix: string | undefined;
  readonly #regex: RegexRewrite | undefined;

  /**
   * A prefix replaces what the route matched: its prefix, or the whole path of an exact or regex match (as in
   * Envoy).
   */
  constructor(match: PathMatch, prefix: string | undefined, regex: RegexRewrite | undefined) {
    const matchesPrefix = match.kind === "prefix" || match.kind === "segment_prefix";
    this.#matchedLength = matchesPrefix ? match.value.length : Number.POSITIVE_INFINITY;
    this.#prefix = prefix;
    this.#regex = regex;
  }

  apply(target: string): string {
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    let rewritten = path;
    if (this.#prefix !== undefined) {
      rewritten = this.#prefix + path.slice(Math.min(this.#matchedLength, path.length));
    } else if (this.#regex !== undefined) {
      const { regex, substitution } = this.#regex;
      const groups = regex.groupCount() + 1;
      // re2js passes the match and its groups, and behind them the place and the text of the match.
      rewritten = regex
        .matcher(path)
        .replaceAll((...found: string[]) => substitute(substitution, found.slice(0, groups)));
    }
    // What goes on the wire must be origin-form (RFC 9112, 3.2.1), whatever was configured.
    if (!rewritten.startsWith("/")) rewritten = `/${rewritten}`;
    return question < 0 ? rewritten : rewritten + target.slice(question);
  }
}
