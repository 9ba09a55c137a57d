import { RE2JS } from "re2js";
import type { RegexMatchAndSubstitute, RegexMatcher } from "../proto/gen/envoy/type/matcher/v3/regex_pb.js";
import type { StringMatcher as StringMatcherProto } from "../proto/gen/envoy/type/matcher/v3/string_pb.js";
import type { FractionalPercent } from "../proto/gen/envoy/type/v3/percent_pb.js";
import type { Fraction, StringMatcher } from "./matcher.ts";
import { fractionOf, textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

/** Compiles a regular expression with RE2 semantics; undefined after noting a problem. */
function compileRegex(scope: Scope, pattern: string): RE2JS | undefined {
  const { regexLength, regexProgramSize } = scope.context.limits;
  if (pattern === "") {
    scope.error("is required and must not be empty");
    return undefined;
  }
  if (pattern.length > regexLength) {
    scope.error(`must be at most ${regexLength} characters long, not ${pattern.length}`);
    return undefined;
  }
  // A pattern of a thousand characters can compile to a hundred thousand instructions, and a table may hold many.
  if (scope.hopeless) return undefined;
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    scope.error(`is not a regular expression of RE2 (no look-around, no back-references): ${reason}`);
    return undefined;
  }
  if (regex.programSize() > regexProgramSize) {
    scope.error(`compiles to ${regex.programSize()} instructions; at most ${regexProgramSize} are accepted`);
    return undefined;
  }
  return regex;
}

/** `max_program_size` of the engine is ignored: this side's own bound rules. */
export function regexOf(scope: Scope, matcher: RegexMatcher | undefined): RE2JS | undefined {
  return compileRegex(scope.at("regex"), matcher?.regex ?? "");
}

export interface RegexRewrite {
  readonly regex: RE2JS;
  readonly substitution: string;
}

/** The substitution names groups of the pattern as `\1`; a group that the pattern lacks is refused. */
export function regexRewriteOf(
  scope: Scope,
  rewrite: RegexMatchAndSubstitute | undefined,
): RegexRewrite | undefined {
  if (rewrite === undefined) return undefined;
  const regex = regexOf(scope.at("pattern"), rewrite.pattern);
  const substitution = textOf(scope, "substitution", rewrite.substitution);
  if (regex === undefined) return undefined;
  for (const [whole, escaped] of substitution.matchAll(/\\(.?)/gs)) {
    if (escaped === "\\" || (/^\d$/.test(escaped ?? "") && Number(escaped) <= regex.groupCount())) continue;
    scope
      .at("substitution")
      .error(`holds ${JSON.stringify(whole)}; allowed: \\\\ and \\0 to \\${regex.groupCount()}`);
    return undefined;
  }
  return { regex, substitution };
}

/** Undefined after noting a problem. */
export function stringMatcherOf(
  scope: Scope,
  matcher: StringMatcherProto | undefined,
): StringMatcher | undefined {
  const pattern = matcher?.matchPattern;
  const ignoreCase = matcher?.ignoreCase ?? false;
  switch (pattern?.case) {
    case "exact":
      return { kind: "exact", value: textOf(scope, "exact", pattern.value), ignoreCase };
    case "prefix":
    case "suffix":
    case "contains":
      return {
        kind: pattern.case,
        value: textOf(scope, pattern.case, pattern.value, "required"),
        ignoreCase,
      };
    case "safeRegex": {
      const regex = regexOf(scope.at("safe_regex"), pattern.value);
      return regex && { kind: "regex", regex };
    }
    case "custom":
      scope.at("custom").error("is not supported: use exact, prefix, suffix, contains or safe_regex");
      return undefined;
    default:
      scope.error("is required: give exact, prefix, suffix, contains or safe_regex");
      return undefined;
  }
}

/** A runtime fraction without the runtime, which Dashpot has not: its default is what counts. */
export function runtimeFractionOf(
  scope: Scope,
  fraction: { readonly defaultValue?: FractionalPercent | undefined } | undefined,
): Fraction | undefined {
  if (fraction === undefined) return undefined;
  if (fraction.defaultValue !== undefined) return fractionOf(scope, "default_value", fraction.defaultValue);
  scope.at("default_value").error("is required: there is no runtime to take the value from");
  return undefined;
}
