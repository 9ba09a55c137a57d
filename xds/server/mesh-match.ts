import type { JsonObject } from "@bufbuild/protobuf";
import { Fields } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { defined } from "./mesh-draft.ts";

const PATH_KEYS = ["prefix", "exact", "regex"] as const;
const STRING_KEYS = ["exact", "prefix", "suffix", "contains", "regex"] as const;

/** `match: { prefix: /v2/, method: GET, headers: { x-team: payments } }`; without it a route matches everything. */
export function readMatch(route: Fields, problems: Problems): JsonObject {
  const match = route.mapping("match");
  if (!match) return { prefix: "/" };
  const given = PATH_KEYS.filter((key) => match.has(key));
  if (given.length > 1)
    match.error(given[1]!, `a path is matched in one way, and "${given[0]}" is there already`);
  const prefix = match.nonEmptyString("prefix");
  const exact = match.nonEmptyString("exact");
  const regex = match.nonEmptyString("regex");
  for (const key of ["prefix", "exact"] as const) {
    const path = key === "prefix" ? prefix : exact;
    if (path !== undefined && !path.startsWith("/")) match.error(key, `must begin with "/"`);
  }
  const method = match.nonEmptyString("method", 32);
  const headers = readMatchers(match, "headers", problems);
  if (method !== undefined) headers.push({ name: ":method", string_match: { exact: method } });
  const query = readMatchers(match, "query", problems);
  const json = defined({
    ...(regex !== undefined
      ? { safe_regex: { regex } }
      : exact !== undefined
        ? { path: exact }
        : { prefix: prefix ?? "/" }),
    headers: headers.length > 0 ? headers : undefined,
    query_parameters: query.length > 0 ? query : undefined,
  });
  match.close();
  return json;
}

/** Names with what their value must be: a text, or a mapping with one of `exact`, `prefix`, `suffix`, `contains`, `regex`, `present`. */
function readMatchers(match: Fields, key: "headers" | "query", problems: Problems): JsonObject[] {
  const names = match.mapping(key);
  if (!names) return [];
  return names.keys().map((name) => {
    const matcher = Fields.ofShort(names.raw(name), "exact", names.at(name), problems);
    const ways = [...STRING_KEYS, "present"].filter((way) => matcher.has(way));
    if (ways.length !== 1) {
      problems.error(names.at(name), `needs exactly one of ${STRING_KEYS.join(", ")} and present`);
    }
    const present = matcher.boolean("present");
    const texts = STRING_KEYS.map((way) => [way, matcher.string(way)] as const);
    const [way, text] = texts.find(([, found]) => found !== undefined) ?? [];
    const invert = key === "headers" ? matcher.boolean("invert") : undefined;
    matcher.close();
    const string_match = way && {
      [way === "regex" ? "safe_regex" : way]: way === "regex" ? { regex: text! } : text!,
    };
    return defined({
      name,
      present_match: present,
      string_match: string_match || undefined,
      invert_match: invert,
    });
  });
}
