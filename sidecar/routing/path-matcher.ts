import type { RE2JS } from "re2js";
import type { PathMatch } from "../../xds/model/route-table.ts";

const SLASH = 0x2f;

/**
 * Compares a target's path with a route's. Works on the target and the place of its `?`, so that the common
 * kinds cut no string. What the index offers nearly always matches.
 */
export class PathMatcher {
  readonly #kind: PathMatch["kind"];
  /** Lower case if case is ignored; empty for kinds without one. */
  readonly #value: string;
  readonly #length: number;
  readonly #ignoreCase: boolean;
  readonly #regex: RE2JS | undefined;

  constructor(match: PathMatch) {
    this.#kind = match.kind;
    const value = "value" in match ? match.value : "";
    this.#ignoreCase = "ignoreCase" in match && match.ignoreCase;
    this.#value = this.#ignoreCase ? value.toLowerCase() : value;
    this.#length = value.length;
    this.#regex = match.kind === "regex" ? match.regex : undefined;
  }

  /**
   * `pathEnd`: index of the `?`, or the target's length. A CONNECT has no path: only `connect` matches it.
   */
  matches(method: string, target: string, pathEnd: number): boolean {
    const length = this.#length;
    if (pathEnd < length) return false;
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
    return target.startsWith(this.#value);
  }
}
