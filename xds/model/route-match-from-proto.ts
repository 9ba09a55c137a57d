import {
  type QueryParameterMatcher,
  type RouteMatch as RouteMatchProto,
  RouteMatchSchema,
} from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import { fieldCheck } from "./field-rules.ts";
import { headerMatchesOf } from "./header-match-from-proto.ts";
import { regexOf, runtimeFractionOf, stringMatcherOf } from "./matcher-from-proto.ts";
import type { PathMatch, QueryMatch, RouteMatch } from "./route-table.ts";
import { textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const WIDER = "is not supported: without it the route would match more requests";

const checkMatch = fieldCheck(RouteMatchSchema, {
  honoured: [
    "prefix",
    "path",
    "safe_regex",
    "connect_matcher",
    "path_separated_prefix",
    "case_sensitive",
    "runtime_fraction",
    "headers",
    "query_parameters",
    "grpc",
  ],
  refused: {
    path_match_policy: "is not supported: use prefix, path, path_separated_prefix or safe_regex",
    cookies: WIDER,
    tls_context: WIDER,
    dynamic_metadata: WIDER,
    filter_state: WIDER,
  },
});

/** Undefined after noting a problem. */
export function routeMatchOf(scope: Scope, match: RouteMatchProto | undefined): RouteMatch | undefined {
  if (match === undefined) {
    scope.error("is required");
    return undefined;
  }
  checkMatch(scope, match);
  const path = pathMatchOf(scope, match);
  const headers = headerMatchesOf(scope.at("headers"), match.headers);
  const query = match.queryParameters
    .map((parameter, index) => queryMatchOf(scope.at("query_parameters").at(index), parameter))
    .filter((found) => found !== undefined);
  const fraction = runtimeFractionOf(scope.at("runtime_fraction"), match.runtimeFraction);
  return path && { path, headers, query, grpcOnly: match.grpc !== undefined, fraction };
}

function pathMatchOf(scope: Scope, match: RouteMatchProto): PathMatch | undefined {
  const specifier = match.pathSpecifier;
  const ignoreCase = match.caseSensitive === false;
  switch (specifier.case) {
    case "prefix":
      return { kind: "prefix", value: textOf(scope, "prefix", specifier.value), ignoreCase };
    case "path":
      return { kind: "exact", value: textOf(scope, "path", specifier.value), ignoreCase };
    case "pathSeparatedPrefix": {
      const value = textOf(scope, "path_separated_prefix", specifier.value, "required");
      if (!/^\/[^?#]*[^?#/]$/.test(value) && value !== "") {
        scope
          .at("path_separated_prefix")
          .error('must start with "/", not end with "/", and hold no "?" or "#"');
      }
      return { kind: "segment_prefix", value, ignoreCase };
    }
    case "safeRegex": {
      const regex = regexOf(scope.at("safe_regex"), specifier.value);
      return regex && { kind: "regex", regex };
    }
    case "connectMatcher":
      return { kind: "connect" };
    case "pathMatchPolicy":
      return undefined;
    case undefined:
      scope.error("needs one of prefix, path, path_separated_prefix, safe_regex, connect_matcher");
      return undefined;
  }
}

function queryMatchOf(scope: Scope, parameter: QueryParameterMatcher): QueryMatch | undefined {
  const name = textOf(scope, "name", parameter.name, "required");
  const specifier = parameter.queryParameterMatchSpecifier;
  if (specifier.case === "presentMatch" && !specifier.value) return { name, matcher: "absent" };
  if (specifier.case !== "stringMatch") return { name, matcher: undefined };
  const matcher = stringMatcherOf(scope.at("string_match"), specifier.value);
  return matcher && { name, matcher };
}

/** A route without a name is called by what it matches. */
export function describeMatch({ path }: RouteMatch): string {
  switch (path.kind) {
    case "prefix":
      return `prefix ${path.value}`;
    case "exact":
      return `path ${path.value}`;
    case "segment_prefix":
      return `path_separated_prefix ${path.value}`;
    case "regex":
      return `safe_regex ${path.regex.pattern()}`;
    case "connect":
      return "connect";
  }
}
