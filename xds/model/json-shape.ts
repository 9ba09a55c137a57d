import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { childPath } from "../common/field-path.ts";
import { describe, isMapping } from "../common/fields.ts";
import { didYouMean } from "../common/nearest-name.ts";
import type { Problem } from "../common/problem.ts";
import { TypedStructSchema } from "../proto/gen/xds/type/v3/typed_struct_pb.js";
import { TYPE_URL_PREFIX, TYPES } from "../proto/registry.ts";

/** Deep enough for any real resource, shallow enough for the stack. */
const DEPTH_LIMIT = 64;
const PROBLEM_LIMIT = 100;

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

function wrapUnknown(json: JsonValue, unknown: ReadonlySet<unknown>): JsonValue {
  if (Array.isArray(json)) return json.map((item) => wrapUnknown(item, unknown));
  if (typeof json !== "object" || json === null) return json;
  if (unknown.has(json)) {
    const { "@type": type, ...value } = json;
    return { "@type": TYPE_URL_PREFIX + TypedStructSchema.typeName, type_url: String(type), value };
  }
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, wrapUnknown(value, unknown)]));
}

class ShapeCheck {
  readonly problems: Problem[] = [];
  /** The mappings whose `@type` is not known. */
  readonly unknown = new Set<unknown>();

  #error(path: string, reason: string): void {
    if (this.problems.length < PROBLEM_LIMIT) this.problems.push({ path, reason, severity: "error" });
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
      else this.problems.push({ path: childPath(path, "@type"), reason, severity: "warning" });
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

interface Expectation {
  readonly wanted: string;
  readonly accepts: (json: JsonValue) => boolean;
}

const PLAIN_TYPE = /^([a-z0-9.-]+\/)?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$/;
const DURATION = /^-?\d{1,12}(\.\d{1,9})?s$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const SPECIAL_TYPES: ReadonlyMap<string, Expectation> = new Map([
  [
    "google.protobuf.Duration",
    {
      wanted: 'a duration in seconds, such as "5s" or "0.25s"',
      accepts: (json) => typeof json === "string" && DURATION.test(json),
    },
  ],
  [
    "google.protobuf.Timestamp",
    {
      wanted: 'a time such as "2026-01-31T12:00:00Z"',
      accepts: (json) => typeof json === "string" && TIMESTAMP.test(json),
    },
  ],
  ["google.protobuf.Struct", { wanted: "a mapping of keys to values", accepts: isMapping }],
  ["google.protobuf.ListValue", { wanted: "a list", accepts: (json) => Array.isArray(json) }],
  ["google.protobuf.Value", { wanted: "any value", accepts: () => true }],
]);

function integer(min: bigint, max: bigint): Expectation {
  return {
    wanted: `a whole number from ${min} to ${max}`,
    accepts(json) {
      if (
        typeof json === "number"
          ? !Number.isSafeInteger(json)
          : typeof json !== "string" || !/^-?\d{1,20}$/.test(json)
      ) {
        return false;
      }
      const value = BigInt(json as number | string);
      return value >= min && value <= max;
    },
  };
}

const INT32 = integer(-(2n ** 31n), 2n ** 31n - 1n);
const UINT32 = integer(0n, 2n ** 32n - 1n);
const INT64 = integer(-(2n ** 63n), 2n ** 63n - 1n);
const UINT64 = integer(0n, 2n ** 64n - 1n);
const NUMBER: Expectation = {
  wanted: "a number",
  accepts: (json) => typeof json === "number" && Number.isFinite(json),
};
const BOOLEAN: Expectation = { wanted: "true or false", accepts: (json) => typeof json === "boolean" };
const TEXT: Expectation = { wanted: "text", accepts: (json) => typeof json === "string" };
const BYTES: Expectation = {
  wanted: "bytes in base64",
  accepts: (json) =>
    typeof json === "string" && BASE64.test(json) && json.replace(/=+$/, "").length % 4 !== 1,
};

const SCALARS: Readonly<Record<ScalarType, Expectation>> = {
  [ScalarType.DOUBLE]: NUMBER,
  [ScalarType.FLOAT]: NUMBER,
  [ScalarType.INT64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.INT32]: INT32,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.BOOL]: BOOLEAN,
  [ScalarType.STRING]: TEXT,
  [ScalarType.BYTES]: BYTES,
  [ScalarType.UINT32]: UINT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SINT64]: INT64,
};

const WRAPPED_SCALARS: ReadonlyMap<string, ScalarType> = new Map([
  ["google.protobuf.DoubleValue", ScalarType.DOUBLE],
  ["google.protobuf.FloatValue", ScalarType.FLOAT],
  ["google.protobuf.Int64Value", ScalarType.INT64],
  ["google.protobuf.UInt64Value", ScalarType.UINT64],
  ["google.protobuf.Int32Value", ScalarType.INT32],
  ["google.protobuf.UInt32Value", ScalarType.UINT32],
  ["google.protobuf.BoolValue", ScalarType.BOOL],
  ["google.protobuf.StringValue", ScalarType.STRING],
  ["google.protobuf.BytesValue", ScalarType.BYTES],
]);
