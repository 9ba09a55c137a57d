import type { HttpFilter } from "../../xds/model/listener.ts";
import type { FieldLines } from "../codec/head.ts";

const NAMES = [
  "via",
  "user-agent",
  "tracestate",
  "traceparent",
  "x-request-id",
  "content-type",
  "max-forwards",
  "x-forwarded-for",
  "x-forwarded-proto",
] as const;
type KnownName = (typeof NAMES)[number];

/** Names by length: most fields are told apart without looking at a letter. */
const BY_LENGTH: (readonly KnownName[] | undefined)[] = [];
for (const name of NAMES) BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), name];

/**
 * Where the fields that the proxy itself reads or writes stand in a head: indexes of values, -1 for absent; of repeated fields the
 * last for lists, the first for others. One pass, reused for every request.
 */
export class KnownFields {
  readonly at: Record<KnownName, number> = {
    via: -1,
    "user-agent": -1,
    tracestate: -1,
    traceparent: -1,
    "x-request-id": -1,
    "content-type": -1,
    "max-forwards": -1,
    "x-forwarded-for": -1,
    "x-forwarded-proto": -1,
  };
  /** How many `traceparent` fields there are: more than one makes all of them void (W3C Trace Context, 2.4). */
  traceparents = 0;

  scan(fields: FieldLines): void {
    const { at } = this;
    for (let i = 0; i < NAMES.length; i++) at[NAMES[i] as KnownName] = -1;
    this.traceparents = 0;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] as string;
      const candidates = BY_LENGTH[name.length];
      if (candidates === undefined) continue;
      const lower = name.toLowerCase();
      for (let c = 0; c < candidates.length; c++) {
        const candidate = candidates[c] as KnownName;
        if (lower !== candidate) continue;
        if (candidate === "traceparent") this.traceparents++;
        if (at[candidate] < 0 || candidate === "via" || candidate === "x-forwarded-for")
          at[candidate] = i + 1;
      }
    }
  }

  value(fields: FieldLines, name: KnownName): string | undefined {
    const index = this.at[name];
    return index < 0 ? undefined : fields[index];
  }
}

/** `Via` (RFC 9110, 7.6.3): this hop is added to what came. */
export function addVia(fields: FieldLines, at: number, version: 0 | 1 | 2, name: string): void {
  const hop = `${version === 2 ? "2" : version === 1 ? "1.1" : "1.0"} ${name}`;
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
    const at = known.at["x-forwarded-for"];
    if (at < 0) fields.push("x-forwarded-for", remoteHost);
    else fields[at] = `${fields[at]},${remoteHost}`;
  }
  if (known.at["x-forwarded-proto"] < 0) fields.push("x-forwarded-proto", scheme);
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
  fields.length = kept;
  if (!placed) fields.push(lowerName, value);
}
