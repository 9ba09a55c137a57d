import { RE2JS } from "re2js";

const HIDDEN = "[hidden]";

/** Header names whose configured values are likely secrets. */
const SECRET_NAME = /authorization|cookie|token|secret|api-?key|password|signature/i;

/**
 * Any part of the model as indented JSON. Maps become objects, sets lists, patterns their source and 64-bit numbers text; numbers that JSON
 * has no word for become null. Keys, certificates given inline and values of secret headers are hidden.
 */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, plain, 2) ?? "null";
}

function plain(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (key === "pem") return HIDDEN;
  if (key === "value" && isSecret(this)) return HIDDEN;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof RE2JS) return value.pattern();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  return value;
}

/** A header to be added: a name with a value. */
function isSecret(holder: unknown): boolean {
  if (typeof holder !== "object" || holder === null || !("name" in holder)) return false;
  return typeof holder.name === "string" && SECRET_NAME.test(holder.name);
}
