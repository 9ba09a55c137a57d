import type { HttpFilter } from "../../xds/model/listener.ts";
import type { FieldLines } from "../codec/head.ts";

/** Fields that the proxy itself reads or writes. */
const NAMES = [
  "via",
  "user-agent",
  "tracestate",
  "traceparent",
  "x-request-id",
  "content-type",
  "max-forwards",
  "x-forwarded-for",
  "x-envoy-internal",
  "x-forwarded-proto",
] as const;
type KnownName = (typeof NAMES)[number];

/** Indexes of NAMES by length: most fields are told apart without looking at a letter. */
const BY_LENGTH: (number[] | undefined)[] = new Array(32).fill(undefined);
NAMES.forEach((name, index) => {
  BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), index];
});
const INDEX: Readonly<Record<KnownName, number>> = Object.fromEntries(
  NAMES.map((name, index) => [name, index]),
) as Record<KnownName, number>;
const TRACEPARENT = INDEX.traceparent;
/** Lists, of which the last line counts; of others the first. */
const LISTS: ReadonlySet<number> = new Set([INDEX.via, INDEX["x-forwarded-for"]]);

/** Where these fields stand in a head. One pass, reused for every request. */
export class KnownFields {
  readonly #at = new Int32Array(NAMES.length);
  /** How many `traceparent` fields there are: more than one makes all of them void (W3C Trace Context, 2.4). */
  traceparents = 0;

  scan(fields: FieldLines): void {
    this.#at.fill(-1);
    this.traceparents = 0;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      const candidates = BY_LENGTH[name.length];
      if (candidates !== undefined) this.#note(name.toLowerCase(), candidates, i + 1);
    }
  }

  /** Index of the value; -1: absent. */
  at(name: KnownName): number {
    return this.#at[INDEX[name]] as number;
  }

  value(fields: FieldLines, name: KnownName): string | undefined {
    const at = this.at(name);
    return at < 0 ? undefined : fields[at];
  }

  #note(lowerName: string, candidates: readonly number[], at: number): void {
    for (let c = 0; c < candidates.length; c++) {
      const index = candidates[c] as number;
      if (lowerName !== NAMES[index]) continue;
      if (index === TRACEPARENT) this.traceparents++;
      if ((this.#at[index] as number) < 0 || LISTS.has(index)) this.#at[index] = at;
    }
  }
}

/** This hop as `Via` tells it of messages of HTTP/1.0, HTTP/1.1 and HTTP/2, at the index that a head's `version` is. */
export type ViaHops = readonly [string, string, string];

/**
 * The version and the name of this process, or what the listener is configured to say, with that name as its comment, so that a request
 * that comes round is known also where many say the same.
 */
export function viaHops({ via }: HttpFilter, name: string): ViaHops {
  const hop = (version: string): string => (via === "" ? `${version} ${name}` : `${via} (${name})`);
  return [hop("1.0"), hop("1.1"), hop("2")];
}

/** `Via` (RFC 9110, 7.6.3): `hop` is added to what came. */
export function addVia(fields: FieldLines, at: number, hop: string): void {
  if (at < 0) fields.push("Via", hop);
  else fields[at] = `${fields[at]}, ${hop}`;
}

/** Where the request came from, as Envoy tells it: the address only where the listener stands at the edge (`use_remote_address`). */
export function addForwarded(
  fields: FieldLines,
  known: KnownFields,
  filter: HttpFilter,
  scheme: string,
  remoteHost: string,
): void {
  if (filter.useRemoteAddress && !filter.skipXffAppend) {
    const at = known.at("x-forwarded-for");
    if (at < 0) fields.push("x-forwarded-for", remoteHost);
    else fields[at] = `${fields[at]},${remoteHost}`;
  }
  if (known.at("x-forwarded-proto") < 0) fields.push("x-forwarded-proto", scheme);
}

/** Puts `value` in the place of the first field of that name and takes further ones out, or adds it. */
export function setField(fields: FieldLines, lowerName: string, value: string): void {
  let placed = false;
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const same = name.length === lowerName.length && name.toLowerCase() === lowerName;
    if (same && placed) continue;
    fields[kept] = name;
    fields[kept + 1] = same ? value : (fields[i + 1] as string);
    kept += 2;
    if (same) placed = true;
  }
  if (kept < fields.length) fields.length = kept;
  if (!placed) fields.push(lowerName, value);
}
