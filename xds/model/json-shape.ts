import type { DescEnum, DescField, DescMessage, JsonValue, ScalarType } from "@bufbuild/protobuf";
import { childPath } from "../common/field-path.ts";
import { describe, isMapping } from "../common/fields.ts";
import { didYouMean } from "../common/nearest-name.ts";
import type { Problem } from "../common/problem.ts";
import { TypedStructSchema } from "../proto/gen/xds/type/v3/typed_struct_pb.js";
import { TYPE_URL_PREFIX, TYPES } from "../proto/registry.ts";
import { SCALARS, SPECIAL_TYPES, WRAPPED_SCALARS } from "./json-values.ts";

/** Deep enough for any real resource, shallow enough for the stack. */
const DEPTH_LIMIT = 64;
/** A level of messages is up to two levels of JSON: the field, and its list or map. */
const WRAP_DEPTH_LIMIT = 2 * DEPTH_LIMIT + 2;
const PROBLEM_LIMIT = 100;
const PLAIN_TYPE = /^([a-z0-9.-]+\/)?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$/;

export interface Shape {
  readonly problems: readonly Problem[];
  /** What reads as the message when no problem is an error: the JSON, with content of unknown types wrapped. */
  readonly json: JsonValue;
}

/**
 * Compares JSON with a message type by the protobuf JSON mapping (protobuf.dev/programming-guides/json): unknown keys, wrong
 * types, unknown enum words. All problems at once, each under its path as the author spelled it.
 *
 * An `@type` that is not known gives a warning; its content is wrapped in a TypedStruct, which says on the wire what the
 * author wrote. So a file made for Envoy is judged by what it asks for, and a client that knows the type can read it.
 */
export function checkShape(schema: DescMessage, json: JsonValue): Shape {
  const check = new ShapeCheck();
  check.message(schema, json, "", 0);
  return {
    problems: check.problems,
    json: check.unknown.size === 0 ? json : wrapUnknown(json, check.unknown),
  };
}

/** Free-form content may be nested deeper than the stack is; no message stands that deep, so it stays as it is. */
function wrapUnknown(json: JsonValue, unknown: ReadonlySet<unknown>, depth = 0): JsonValue {
  if (typeof json !== "object" || json === null || depth > WRAP_DEPTH_LIMIT) return json;
  if (Array.isArray(json)) return json.map((item) => wrapUnknown(item, unknown, depth + 1));
  if (unknown.has(json)) {
    const { "@type": type, ...value } = json;
    return { "@type": TYPE_URL_PREFIX + TypedStructSchema.typeName, type_url: String(type), value };
  }
  const entries: [string, JsonValue][] = Object.entries(json).map(([key, value]) => [
    key,
    wrapUnknown(value, unknown, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

class ShapeCheck {
  readonly problems: Problem[] = [];
  /** The mappings whose `@type` is not known. */
  readonly unknown = new Set<unknown>();

  #error(path: string, reason: string): void {
    this.#note({ path, reason, severity: "error" });
  }

  #note(problem: Problem): void {
    if (this.problems.length < PROBLEM_LIMIT) this.problems.push(problem);
  }

  message(schema: DescMessage, json: JsonValue, path: string, depth: number): void {
    if (depth > DEPTH_LIMIT) {
      this.#error(path, `is nested too deeply: at most ${DEPTH_LIMIT} levels are read`);
      return;
    }
    const special = SPECIAL_TYPES.get(schema.typeName);
    if (special !== undefined) {
      if (!special.accepts(json)) this.#error(path, `must be ${special.wanted}, not ${describe(json)}`);
      return;
    }
    if (schema.typeName === "google.protobuf.Any") {
      this.#any(json, path, depth);
      return;
    }
    const wrapped = WRAPPED_SCALARS.get(schema.typeName);
    if (wrapped !== undefined) {
      this.#scalar(wrapped, json, path);
      return;
    }
    if (!isMapping(json)) {
      this.#error(path, `must be a mapping of keys to values, not ${describe(json)}`);
      return;
    }
    this.#fields(schema, Object.entries(json as Record<string, JsonValue>), path, depth);
  }

  #fields(
    schema: DescMessage,
    entries: readonly (readonly [string, JsonValue])[],
    path: string,
    depth: number,
  ): void {
    const fields = fieldsByKey(schema);
    const given = new Map<DescField | string, string>();
    for (const [key, value] of entries) {
      const at = childPath(path, key);
      const field = fields.get(key);
      if (field === undefined) {
        this.#error(at, unknownKey(schema, key));
        continue;
      }
      const slot = field.oneof ? `one of ${field.oneof.name}` : field;
      const other = given.get(slot);
      if (other !== undefined) this.#error(at, `cannot stand beside "${other}": only one of them may be set`);
      given.set(slot, key);
      // null is another way to leave a field out.
      if (value === null && field.message?.typeName !== "google.protobuf.Value") continue;
      this.#field(field, value, at, depth);
    }
  }

  #field(field: DescField, json: JsonValue, path: string, depth: number): void {
    if (field.fieldKind === "list") {
      if (!Array.isArray(json)) {
        this.#error(path, `must be a list, not ${describe(json)}`);
        return;
      }
      json.forEach((item, index) => {
        this.#value(field, item, childPath(path, index), depth);
      });
      return;
    }
    if (field.fieldKind === "map") {
      if (!isMapping(json)) {
        this.#error(path, `must be a mapping of keys to values, not ${describe(json)}`);
        return;
      }
      for (const [key, value] of Object.entries(json as Record<string, JsonValue>)) {
        this.#value(field, value, childPath(path, key), depth);
      }
      return;
    }
    this.#value(field, json, path, depth);
  }

  /** One value of a field: the field's own, a list's item, a map's value. */
  #value(field: DescField, json: JsonValue, path: string, depth: number): void {
    if (field.message) this.message(field.message, json, path, depth + 1);
    else if (field.enum) this.#enum(field.enum, json, path);
    else if (field.scalar !== undefined) this.#scalar(field.scalar, json, path);
  }

  #any(json: JsonValue, path: string, depth: number): void {
    const type = isMapping(json) ? json["@type"] : undefined;
    if (!isMapping(json) || typeof type !== "string") {
      this.#error(path, 'must be a mapping with the type of its content under "@type"');
      return;
    }
    const schema = TYPES.getMessage(type.slice(type.lastIndexOf("/") + 1));
    if (schema === undefined) {
      const reason = `names a type that is not known here, ${describe(type)}`;
      if (!PLAIN_TYPE.test(type)) this.#error(childPath(path, "@type"), reason);
      else this.#note({ path: childPath(path, "@type"), reason, severity: "warning" });
      this.unknown.add(json);
      return;
    }
    const entries = Object.entries(json as Record<string, JsonValue>).filter(([key]) => key !== "@type");
    if (depth >= DEPTH_LIMIT)
      this.#error(path, `is nested too deeply: at most ${DEPTH_LIMIT} levels are read`);
    else this.#fields(schema, entries, path, depth + 1);
  }

  #enum(type: DescEnum, json: JsonValue, path: string): void {
    if (typeof json === "number" && Number.isInteger(json)) return;
    const words = type.values.map((value) => value.name);
    if (typeof json === "string" && words.includes(json)) return;
    const near = typeof json === "string" ? didYouMean(json, words) : "";
    this.#error(path, `must be one of ${words.join(", ")}, not ${describe(json)}${near}`);
  }

  #scalar(type: ScalarType, json: JsonValue, path: string): void {
    const { wanted, accepts } = SCALARS[type];
    if (!accepts(json)) this.#error(path, `must be ${wanted}, not ${describe(json)}`);
  }
}

function unknownKey(schema: DescMessage, key: string): string {
  const names = schema.fields.map((field) => field.name);
  const near = didYouMean(key, names);
  const hint = near === "" ? `; allowed here: ${[...names].sort().join(", ") || "nothing"}` : near;
  return `unknown key ${describe(key)}${hint}`;
}

const KEYS = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** Both spellings that the JSON mapping allows: the proto's own name and lowerCamelCase. */
function fieldsByKey(schema: DescMessage): ReadonlyMap<string, DescField> {
  const known = KEYS.get(schema);
  if (known !== undefined) return known;
  const keys = new Map(
    schema.fields.flatMap((field): [string, DescField][] => [
      [field.name, field],
      [field.jsonName, field],
    ]),
  );
  KEYS.set(schema, keys);
  return keys;
}
