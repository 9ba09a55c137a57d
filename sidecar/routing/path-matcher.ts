import type { RE2JS } from "re2js";
import type { PathMatch } from "../../xds/model/route-table.ts";

const SLASH = 0x2f;
const NONE = -1;

/**
 * Compares a target's path with a route's. Works on the target and the place of its `?`, so that the common
 * kinds cut no string. Long tables are mostly misses, and paths of one service begin alike: they are compared
 * from the end, where a miss shows within two or three characters.
 */
export class PathMatcher {
  readonly #kind: PathMatch["kind"];
  /** Lower case if case is ignored; empty for kinds without one. */
  readonly #value: string;
  readonly #length: number;
  /** Code of the value's last character; NONE where comparing it would say nothing. */
  readonly #last: number;
  readonly #ignoreCase: boolean;
  readonly #regex: RE2JS | undefined;

  constructor(match: PathMatch) {
    this.#kind = match.kind;
    const value = "value" in match ? match.value : "";
    this.#ignoreCase = "ignoreCase" in match && match.ignoreCase;
    this.#value = this.#ignoreCase ? value.toLowerCase() : value;
    this.#length = value.length;
    this.#last = value === "" || this.#ignoreCase ? NONE : value.charCodeAt(value.length - 1);
    this.#regex = match.kind === "regex" ? match.regex : undefined;
  }

  /**
   * `pathEnd`: index of the `?`, or the target's length. A CONNECT has no path: only `connect` matches it.
   */
  matches(method: string, target: string, pathEnd: number): boolean {
    const length = this.#length;
    if (pathEnd < length) return false;
    if (this.#last !== NONE && target.charCodeAt(length - 1) !== this.#last) return false;
    if (method === "CONNECT" || this.#kind === "connect")
      return method === "CONNECT" && this.#kind === "connect";
    switch (this.#kind) {
      case "exact":
        return pathEnd === length && this.#beginsWithValue(target);
      case "prefix":
        return this.#beginsWithValue(target);
      case "segment_prefix":
        return (pathEnd === length || target.charCodeAt(length) === SLASH) && this.#beginsWithValue(target);
      case "regex":
        return this.#regex?.testExact(target.slice(0, pathEnd)) ?? false;
    }
  }

  #beginsWithValue(target: string): boolean {
    if (this.#ignoreCase) return target.slice(0, this.#length).toLowerCase() === this.#value;
    const value = this.#value;
    let at = this.#length - 1;
    while (at >= 0 && target.charCodeAt(at) === value.charCodeAt(at)) at--;
    return at < 0;
  }
}
