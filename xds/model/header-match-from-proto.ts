import type { HeaderMatcher } from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import type { StringMatcher } from "./matcher.ts";
import { regexOf, stringMatcherOf } from "./matcher-from-proto.ts";
import type { HeaderMatch } from "./route-table.ts";
import { textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

/** RFC 9110 5.6.2, a token; the pseudo headers of the request line start with a colon. */
const HEADER_NAME = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The name in lower case, after checking that a request can carry it. */
export function headerNameOf(scope: Scope, field: string | number, name: string): string {
  textOf(scope, field, name, "required");
  if (name !== "" && !HEADER_NAME.test(name)) {
    scope.at(field).error("must be a header name: letters, digits and any of !#$%&'*+-.^_`|~");
  }
  return name.toLowerCase();
}

export function headerMatchesOf(scope: Scope, matchers: readonly HeaderMatcher[]): readonly HeaderMatch[] {
  return matchers
    .map((matcher, index) => headerMatchOf(scope.at(index), matcher))
    .filter((match) => match !== undefined);
}

function headerMatchOf(scope: Scope, matcher: HeaderMatcher): HeaderMatch | undefined {
  const name = headerNameOf(scope, "name", matcher.name);
  const value = matchValueOf(scope, matcher);
  if (value === undefined) return undefined;
  return { name, value, invert: matcher.invertMatch, missingAsEmpty: matcher.treatMissingHeaderAsEmpty };
}

function matchValueOf(scope: Scope, matcher: HeaderMatcher): HeaderMatch["value"] | undefined {
  const specifier = matcher.headerMatchSpecifier;
  switch (specifier.case) {
    // Without a specifier the header must be there (route_components.proto).
    case undefined:
      return { kind: "present", present: true };
    case "presentMatch":
      return { kind: "present", present: specifier.value };
    case "rangeMatch":
      return { kind: "range", from: specifier.value.start, to: specifier.value.end };
    case "exactMatch":
      return text("exact", textOf(scope, "exact_match", specifier.value));
    case "prefixMatch":
      return text("prefix", textOf(scope, "prefix_match", specifier.value, "required"));
    case "suffixMatch":
      return text("suffix", textOf(scope, "suffix_match", specifier.value, "required"));
    case "containsMatch":
      return text("contains", textOf(scope, "contains_match", specifier.value, "required"));
    case "safeRegexMatch": {
      const regex = regexOf(scope.at("safe_regex_match"), specifier.value);
      return regex && { kind: "string", matcher: { kind: "regex", regex } };
    }
    case "stringMatch": {
      const found = stringMatcherOf(scope.at("string_match"), specifier.value);
      return found && { kind: "string", matcher: found };
    }
  }
}

function text(kind: Exclude<StringMatcher["kind"], "regex">, value: string): HeaderMatch["value"] {
  return { kind: "string", matcher: { kind, value, ignoreCase: false } };
}
