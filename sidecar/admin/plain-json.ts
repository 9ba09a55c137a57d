/**
 * What Dashpot knows of itself as indented JSON. Maps become objects, sets lists and 64-bit numbers text; numbers that JSON has no
 * word for become null.
 */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, plain, 2) ?? "null";
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (value instanceof Map) return Object.fromEntries(value);
  return value instanceof Set ? [...value] : value;
}
