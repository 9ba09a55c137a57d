import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { parseDuration } from "../common/duration.ts";
import { joinPaths } from "../common/field-path.ts";
import { isMapping } from "../common/fields.ts";
import type { ServedTypeUrl } from "../protocol/server-snapshot.ts";

/** Where a part of a resource comes from. The longest `inResource` that fits a path speaks for everything below it. */
export interface Origin {
  /** A path inside the resource. */
  readonly inResource: string;
  /** The path in the mesh file that it was made from. */
  readonly inFile: string;
  /** The part of the file has the resource's own keys, so a path goes on in it unchanged. */
  readonly sameShape?: true;
}

/** An Envoy resource in its JSON form, made from a part of the mesh file and not yet checked. */
export interface Draft {
  readonly typeUrl: ServedTypeUrl;
  readonly json: JsonObject;
  readonly origins: readonly Origin[];
}

/** A part of a resource with its origins, to be put into a larger one. */
export interface Part {
  readonly json: JsonObject;
  readonly origins: readonly Origin[];
}

/** The origins of a part after it was put at `path` of a resource. */
export function originsBelow(path: string, origins: readonly Origin[]): Origin[] {
  return origins.map((origin) => ({ ...origin, inResource: joinPaths(path, origin.inResource) }));
}

/** The place in the file for a problem inside a resource; `foreign` is the rest of its path that the file has no words for. */
export function originOf(
  origins: readonly Origin[],
  path: string,
): { readonly path: string; readonly foreign: string } {
  let best: Origin | undefined;
  for (const origin of origins) {
    if (!isBelow(path, origin.inResource)) continue;
    if (!best || origin.inResource.length > best.inResource.length) best = origin;
  }
  if (!best) return { path: "", foreign: path };
  const rest = path.slice(best.inResource.length).replace(/^\./, "");
  return best.sameShape
    ? { path: joinPaths(best.inFile, rest), foreign: "" }
    : { path: best.inFile, foreign: rest };
}

function isBelow(path: string, ancestor: string): boolean {
  if (ancestor === "") return true;
  return path.startsWith(ancestor) && [undefined, ".", "["].includes(path[ancestor.length]);
}

/** Milliseconds in protobuf's JSON form of a Duration. */
export function durationJson(ms: number): string {
  return `${(ms / 1_000).toFixed(9).replace(/\.?0+$/, "")}s`;
}

/** Copies a part of the file that has the shape of an Envoy message, with durations such as `250ms` or `5m` in seconds. */
export function withSeconds(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(withSeconds);
  if (isMapping(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withSeconds(inner)]));
  }
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  return ms === undefined ? (value as JsonValue) : durationJson(ms);
}

/** Leaves out what the file does not set, so that the resource's own defaults hold. */
export function defined(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}

/** Puts a value into the message that holds it, when there is one. */
export function wrapped<T>(value: T | undefined, wrap: (value: T) => JsonValue): JsonValue | undefined {
  return value === undefined ? undefined : wrap(value);
}
