import type { RE2JS } from "re2js";
import type { PathMatch } from "../../xds/model/route-table.ts";

const SLASH = 0x2f;

/**
 * Compares a target's path with a route's. Works on the target and the place of its `?`, so that the common kinds cut no
 * string. Long tables are mostly misses, and most misses differ in the last character: it is compared first.
 */
export class PathMatcher {
  readonly #kind: PathMatch["kind"];
  readonly #value: string;
  readonly #last: number;
  readonly #ignoreCase: boolean;
  readonly #regex: RE2JS | undefined;

  constructor(match: PathMatch) {
    this.#kind = match.kind;
    this.#ignoreCase = "ignoreCase" in match && match.ignoreCase;
    const value = "value" in match ? match.value : "";
    this.#value = this.#ignoreCase ? value.toLowerCase() : value;
    this.#last = this.#value.charCodeAt(this.#value.length - 1);
    this.#regex = match.kind === "regex" ? match.regex : undefined;
  }

  /** `pathEnd`: index of the `?`, or the target's length. A CONNECT has no path: only `connect` matches it. */
  matches(method: string, target: string, pathEnd: number): boolean {
    if (this.#kind === "connect") return method === "CONNECT";
    if (method === "CONNECT") return false;
    if (this.#kind === "regex") {
      return this.#regex?.testExact(pathEnd === target.length ? target : target.slice(0, pathEnd)) ?? false;
    }
    const value = this.#value;
    const length = value.length;
    if (pathEnd < length || (this.#kind === "exact" && pathEnd !== length)) return false;
    if (this.#ignoreCase) {
      if (target.slice(0, length).toLowerCase() !== value) return false;
    } else if (length > 0 && (target.charCodeAt(length - 1) !== this.#last || !target.startsWith(value))) {
      return false;
    }
    return this.#kind !== "segment_prefix" || pathEnd === length || target.charCodeAt(length) === SLASH;
  }
}
