import {
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { AggregatedConfigSourceSchema } from "./gen/envoy/config/core/v3/config_source_pb.js";
import { TYPES } from "./registry.ts";

/** Stands for what is not shown, as in Envoy's dumps. */
const HIDDEN = "[redacted]";

/** Fields whose content grants access, in both spellings of JSON. Names of files tell nothing and are shown. */
const SECRET_FIELDS = new Set([
  "private_key",
  "privateKey",
  "private_key_provider",
  "privateKeyProvider",
  "password",
  "pkcs12",
  "session_ticket_keys",
  "sessionTicketKeys",
  "access_token",
  "accessToken",
  "refresh_token",
  "refreshToken",
]);
const SHOWN_FIELDS = new Set(["@type", "filename", "environment_variable", "environmentVariable"]);

/** Names of header fields and query parameters whose values are likely secrets. */
const SECRET_NAME = /authorization|cookie|token|secret|api-?key|password|signature/i;

/**
 * Reads an `Any` of a type that is not known here as a message without fields: the rest of the resource can be shown, and the type's
 * name says what is missing.
 */
const LENIENT: Registry = Object.create(TYPES, {
  getMessage: { value: (name: string): DescMessage => TYPES.getMessage(name) ?? fieldless(name) },
});

function fieldless(typeName: string): DescMessage {
  return Object.create(AggregatedConfigSourceSchema, { typeName: { value: typeName } });
}

/** A resource as JSON for people: fields by their names in the proto, secrets hidden. Undefined: it cannot be read. */
export function resourceJson(typeUrl: string, bytes: Uint8Array): JsonObject | undefined {
  const schema = TYPES.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  if (schema === undefined) return undefined;
  try {
    const message = fromBinary(schema, bytes);
    const json = toJson(schema, message, { registry: LENIENT, useProtoFieldName: true });
    return withoutSecrets(json) as JsonObject;
  } catch {
    return undefined;
  }
}

/** The same message with every secret hidden: keys, passwords, and the values of headers whose names suggest one. */
export function withoutSecrets(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isObject(value)) return value;
  const secretHeader = namesSecret(value);
  return mapEntries(value, (key, inner) => {
    if (SECRET_FIELDS.has(key)) return hidden(inner);
    return secretHeader && key !== "key" && key !== "name" ? hidden(inner) : withoutSecrets(inner);
  });
}

/** A header to be added has a `key` with a value; one to be matched, a `name` with a matcher. */
function namesSecret({ key, name, ...others }: JsonObject): boolean {
  if (typeof key === "string" && ("value" in others || "raw_value" in others || "rawValue" in others))
    return SECRET_NAME.test(key);
  return typeof name === "string" && Object.keys(others).some(isMatcher) && SECRET_NAME.test(name);
}

function isMatcher(field: string): boolean {
  return field.endsWith("_match") || field.endsWith("Match");
}

/** Keeps the shape, so that the message can still be read as one. */
function hidden(value: JsonValue): JsonValue {
  if (typeof value === "string") return HIDDEN;
  if (Array.isArray(value)) return value.map(hidden);
  if (!isObject(value)) return value;
  return mapEntries(value, (key, inner) => {
    if (SHOWN_FIELDS.has(key)) return inner;
    return isBytes(key) ? Buffer.from(HIDDEN).toString("base64") : hidden(inner);
  });
}

/** JSON has bytes in base64. */
function isBytes(field: string): boolean {
  return field === "inline_bytes" || field === "inlineBytes" || field === "raw_value" || field === "rawValue";
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapEntries(of: JsonObject, change: (key: string, value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, change(key, value)]));
}
