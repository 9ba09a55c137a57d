import type { Problem } from "../common/problem.ts";
import type { Decoded } from "../model/resource-type.ts";
import type { CacheEntry } from "./client-entry.ts";
import type { Rejection } from "./client-nack.ts";
import { peekName } from "./client-name.ts";

/** What a subscription must know of its resource type; `ResourceType` bound to the local permissions is one. */
export interface ResourceDecoder<T> {
  readonly typeUrl: string;
  /** LDS and CDS: each response is the complete set, and what is missing from it was deleted. */
  readonly fullState: boolean;
  decode(bytes: Uint8Array): Decoded<T>;
}

/** A serialised resource as it stands in a response (`google.protobuf.Any`). */
export interface AnyResource {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** The resources of one response, each in the pile it belongs to. Nothing is applied yet. */
export interface SortedResources<T> {
  /** Every wanted name in the response, good or bad. */
  readonly seen: ReadonlySet<string>;
  /** Names whose bytes are those already in use. */
  readonly same: readonly string[];
  readonly fresh: ReadonlyMap<string, { readonly value: T; readonly bytes: Uint8Array }>;
  readonly rejections: readonly Rejection[];
  readonly warnings: readonly { readonly name: string; readonly problem: Problem }[];
  /** How many were not asked for. */
  readonly superfluous: number;
  /** True when a resource's name could not be read. */
  readonly nameless: boolean;
}

/**
 * Decodes and checks every resource of a response, also after a bad one, so that the good ones can be used and the NACK names all
 * faults at once (gRFC A46). A name that comes twice is refused, both times. Yields after each resource: this is the part of a
 * response's work that takes time.
 */
export function* sortResources<T>(
  resources: readonly AnyResource[],
  type: ResourceDecoder<T>,
  held: ReadonlyMap<string, CacheEntry<T>>,
  wanted: (name: string) => boolean,
): Generator<void, SortedResources<T>> {
  const seen = new Set<string>();
  const same = new Set<string>();
  const fresh = new Map<string, { value: T; bytes: Uint8Array }>();
  const rejected = new Map<string, Problem[]>();
  const warnings: { name: string; problem: Problem }[] = [];
  let superfluous = 0;
  let nameless = false;

  for (const [index, resource] of resources.entries()) {
    if (index > 0) yield;
    const known = heldName(resource, type, held);
    const decoded = known === undefined ? decode(resource, type) : undefined;
    const name = known ?? decoded!.name;
    if (name === "") {
      nameless = true;
      rejected.set(`resources[${index}]`, [...decoded!.problems]);
    } else if (!wanted(name)) {
      superfluous++;
    } else if (seen.has(name)) {
      same.delete(name);
      fresh.delete(name);
      rejected.set(name, [{ path: "name", reason: "is used twice in one response", severity: "error" }]);
    } else {
      seen.add(name);
      if (decoded === undefined) {
        same.add(name);
        continue;
      }
      for (const problem of decoded.problems)
        if (problem.severity === "warning") warnings.push({ name, problem });
      const errors = decoded.problems.filter((problem) => problem.severity === "error");
      if (errors.length > 0 || decoded.value === undefined) rejected.set(name, errors);
      else fresh.set(name, { value: decoded.value, bytes: resource.value });
    }
  }
  const rejections = [...rejected].map(([name, problems]) => ({ name, problems }));
  return { seen, same: [...same], fresh, rejections, warnings, superfluous, nameless };
}

/** The name of the resource if exactly these bytes are in use already: then nothing needs to be decoded, checked or told. */
function heldName<T>(
  resource: AnyResource,
  type: ResourceDecoder<T>,
  held: ReadonlyMap<string, CacheEntry<T>>,
): string | undefined {
  if (resource.typeUrl !== type.typeUrl) return undefined;
  const name = peekName(resource.value);
  return name !== undefined && held.get(name)?.holds(resource.value) ? name : undefined;
}

function decode<T>(resource: AnyResource, type: ResourceDecoder<T>): Decoded<T> {
  if (resource.typeUrl === type.typeUrl) return type.decode(resource.value);
  const reason = `is a ${JSON.stringify(resource.typeUrl.slice(0, 200))} in a response of type ${type.typeUrl}`;
  return { name: "", value: undefined, problems: [{ path: "", reason, severity: "error" }] };
}
