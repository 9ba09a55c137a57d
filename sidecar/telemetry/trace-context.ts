/** The caller's half of a W3C trace context. */
export interface ParentContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const LENGTH = 55;
const DASH = 45;
const SAMPLED = 1;
const ZERO_TRACE = "0".repeat(32);
const ZERO_SPAN = "0".repeat(16);

/**
 * Reads `traceparent` by the W3C recommendation (Trace Context, 3.2 and 4.3): version 00 is exactly 55 characters of lower-case hex, ids of
 * zeros and version ff are void, a later version may go on after a dash. Undefined: the field counts as absent, and `tracestate`
 * with it.
 */
export function parseTraceparent(value: string): ParentContext | undefined {
  if (value.length < LENGTH) return undefined;
  for (let i = 0; i < LENGTH; i++) {
    const code = value.charCodeAt(i);
    const dash = i === 2 || i === 35 || i === 52;
    if (dash ? code !== DASH : !isLowerHex(code)) return undefined;
  }
  const version = value.slice(0, 2);
  if (version === "ff") return undefined;
  if (value.length > LENGTH && (version === "00" || value.charCodeAt(LENGTH) !== DASH)) return undefined;
  const traceId = value.slice(3, 35);
  const spanId = value.slice(36, 52);
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined;
  const flags = Number.parseInt(value.slice(53, 55), 16);
  return { traceId, spanId, sampled: (flags & SAMPLED) !== 0 };
}

function isLowerHex(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102);
}

/** What the recommendation asks to pass on at least (3.3.1.5), which is also where we stop. */
const MAX_STATE_CHARACTERS = 512;
const MAX_STATE_MEMBERS = 32;
const LONG_MEMBER = 128;

/**
 * `tracestate` as it is passed on: byte for byte while it keeps the recommendation's bounds. Otherwise whole members go: long ones first,
 * then from the right, where the oldest stand.
 */
export function boundTraceState(value: string): string {
  if (value.length <= MAX_STATE_CHARACTERS && countMembers(value) <= MAX_STATE_MEMBERS) return value;
  let members = value.split(",").filter((member) => member.trim() !== "");
  if (members.join(",").length > MAX_STATE_CHARACTERS) {
    members = members.filter((member) => member.trim().length <= LONG_MEMBER);
  }
  members = members.slice(0, MAX_STATE_MEMBERS);
  while (members.join(",").length > MAX_STATE_CHARACTERS) members.pop();
  return members.join(",");
}

function countMembers(value: string): number {
  let members = 1;
  for (let at = value.indexOf(","); at >= 0; at = value.indexOf(",", at + 1)) members++;
  return members;
}
