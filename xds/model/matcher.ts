import type { RE2JS } from "re2js";

/** How a configured text is compared with a value of a request. Regexes are RE2: linear time, no backtracking. */
export type StringMatcher =
  | { readonly kind: "exact"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "prefix"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "suffix"; readonly value: string; readonly ignoreCase: boolean }
  | { readonly kind: "contains"; readonly value: string; readonly ignoreCase: boolean }
  /** The whole value must match (Envoy's `safe_regex`). */
  | { readonly kind: "regex"; readonly regex: RE2JS };

/** A chance out of `denominator`, e.g. 1 of 100 for one percent. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: 100 | 10_000 | 1_000_000;
}
