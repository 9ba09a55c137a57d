import type { Random } from "../../xds/common/random.ts";
import type { Fraction, StringMatcher } from "../../xds/model/matcher.ts";
import type { HeaderMatch, QueryMatch } from "../../xds/model/route-table.ts";
import type { FieldLines, RequestHead, ResponseHead } from "../codec/head.ts";

export function matchesString(matcher: StringMatcher, value: string): boolean {
  if (matcher.kind === "regex") return matcher.regex.testExact(value);
  const wanted = matcher.ignoreCase ? matcher.value.toLowerCase() : matcher.value;
  const given = matcher.ignoreCase ? value.toLowerCase() : value;
  switch (matcher.kind) {
    case "exact":
      return given === wanted;
    case "prefix":
      return given.startsWith(wanted);
    case "suffix":
      return given.endsWith(wanted);
    case "contains":
      return given.includes(wanted);
  }
}

/**
 * All values of a field, joined by commas as RFC 9110, 5.3 reads them; undefined: absent. `lowerName` is
 * lower case.
 */
export function joinedValue(fields: FieldLines, lowerName: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue;
    joined = joined === undefined ? (fields[i + 1] as string) : `${joined},${fields[i + 1]}`;
  }
  return joined;
}

/** The values of all lines of one name, which is in lower case. */
export function fieldValues(fields: FieldLines, lowerName: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === lowerName.length && name.toLowerCase() === lowerName)
      values.push(fields[i + 1] as string);
  }
  return values;
}

/**
 * A field's value, or a part of the start line by its HTTP/2 name (`:path`, `:status`, ...). `name` is lower
 * case.
 */
export function headerValue(head: RequestHead | ResponseHead, name: string): string | undefined {
  const requestHead = "method" in head ? head : undefined;
  if (!name.startsWith(":")) {
    return name === "host" && requestHead !== undefined
      ? requestHead.authority
      : joinedValue(head.fields, name);
  }
  if (requestHead === undefined)
    return name === ":status" ? String((head as ResponseHead).status) : undefined;
  switch (name) {
    case ":method":
      return requestHead.method;
    case ":path":
      return requestHead.target;
    case ":authority":
      return requestHead.authority;
    case ":scheme":
      return requestHead.scheme;
    default:
      return undefined;
  }
}

/** int64, as Envoy's range match reads it. */
function integer(value: string): bigint | undefined {
  return /^[+-]?[0-9]{1,19}$/.test(value)
    ? BigInt(value.startsWith("+") ? value.slice(1) : value)
    : undefined;
}

/**
 * gRFC A41: an absent field matches nothing, inverted or not; only `present` may ask for absence. Of several lines each is looked at by
 * itself, as in Envoy, and then all as one list (RFC 9110, 5.3), as gRPC reads them (gRFC A28); one is enough: a caller that adds a line
 * must not get past a match, or past an inverted one.
 */
export function matchesHeader(match: HeaderMatch, head: RequestHead | ResponseHead): boolean {
  const { name, value: wanted, invert, missingAsEmpty } = match;
  if (isPartOfHead(name, head)) {
    const value = headerValue(head, name);
    if (value !== undefined)
      return (wanted.kind === "present" ? wanted.present : matchesValue(wanted, value)) !== invert;
  } else {
    const { fields } = head;
    let lines = 0;
    for (let i = 0; i < fields.length; i += 2) {
      const given = fields[i] as string;
      if (given.length !== name.length || given.toLowerCase() !== name) continue;
      if (wanted.kind === "present") return wanted.present !== invert;
      if (matchesValue(wanted, fields[i + 1] as string)) return !invert;
      lines++;
    }
    const isInList =
      lines > 1 && wanted.kind !== "present" && matchesValue(wanted, joinedValue(fields, name) ?? "");
    if (lines > 0) return isInList !== invert;
  }
  if (wanted.kind === "present") return (missingAsEmpty === wanted.present) !== invert;
  return missingAsEmpty && matchesValue(wanted, "") !== invert;
}

function isPartOfHead(name: string, head: RequestHead | ResponseHead): boolean {
  return name.startsWith(":") || (name === "host" && "method" in head);
}

function matchesValue(
  wanted: Exclude<HeaderMatch["value"], { readonly kind: "present" }>,
  value: string,
): boolean {
  if (wanted.kind === "string") return matchesString(wanted.matcher, value);
  const number = integer(value);
  return number !== undefined && number >= wanted.from && number < wanted.to;
}

/**
 * The first value of a query parameter, as it stands in the target (percent-encoding kept); undefined:
 * absent.
 */
export function queryValue(target: string, name: string): string | undefined {
  let start = target.indexOf("?") + 1;
  if (start === 0) return undefined;
  while (start <= target.length) {
    const ampersand = target.indexOf("&", start);
    const end = ampersand < 0 ? target.length : ampersand;
    if (target.startsWith(name, start)) {
      const after = start + name.length;
      if (after === end) return "";
      if (after < end && target[after] === "=") return target.slice(after + 1, end);
    }
    start = end + 1;
  }
  return undefined;
}

export function matchesQuery(match: QueryMatch, target: string): boolean {
  const value = queryValue(target, match.name);
  if (match.matcher === "absent" || value === undefined)
    return match.matcher === "absent" && value === undefined;
  return match.matcher === undefined || matchesString(match.matcher, value);
}

/** `application/grpc` and `application/grpc+…`; gRPC-Web is another protocol. */
export function isGrpc(fields: FieldLines): boolean {
  const type = joinedValue(fields, "content-type");
  if (type === undefined || !type.startsWith("application/grpc")) return false;
  return type.length === 16 || type[16] === "+" || type[16] === ";";
}

export function drawn(fraction: Fraction, random: Random): boolean {
  return random() * fraction.denominator < fraction.numerator;
}
