import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { childPath, joinPaths } from "../../xds/common/field-path.ts";
import { describe, isMapping } from "../../xds/common/fields.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import type { Problems } from "../../xds/common/problem.ts";
import { checkShape } from "../../xds/model/json-shape.ts";
import { TYPES } from "../../xds/proto/registry.ts";

/** A field of the bootstrap as it was written, and where. */
export interface Part {
  readonly value: JsonValue;
  readonly path: string;
}

/** A field with its key as the author spelled it. */
export interface Field extends Part {
  readonly key: string;
}

/**
 * The fields of one Envoy message that Dashpot honours, by the proto's own names. What Envoy knows and Dashpot does not is a warning,
 * and is not looked at further: it may hold extensions that only Envoy has. What neither knows is an error.
 */
export function honouredFields(
  schema: DescMessage,
  part: Part,
  honoured: readonly string[],
  problems: Problems,
  /** Keys that stand beside Envoy's and are read elsewhere: offered when one is misspelt. */
  besides: readonly string[] = [],
): ReadonlyMap<string, Field> {
  const found = new Map<string, Field>();
  if (!isMapping(part.value)) {
    problems.error(part.path, `must be a mapping of keys to values, not ${describe(part.value)}`);
    return found;
  }
  for (const [key, value] of Object.entries(part.value as Record<string, JsonValue>)) {
    const path = childPath(part.path, key);
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined) {
      const names = [...besides, ...schema.fields.map(({ name }) => name)];
      problems.error(path, `unknown key ${describe(key)}${didYouMean(key, names)}`);
    } else if (!honoured.includes(field.name)) {
      problems.warn(path, "is not supported by Dashpot and ignored");
    } else if (found.has(field.name)) {
      problems.error(path, `is written twice, as "${field.name}" and as "${field.jsonName}"`);
    } else if (value !== null) {
      found.set(field.name, { key, value, path });
    }
  }
  return found;
}

/** The message that is written in a part, reduced to the fields that are honoured; undefined when anything in it is wrong. */
export function readMessage<Desc extends DescMessage>(
  schema: Desc,
  part: Part,
  honoured: readonly string[],
  problems: Problems,
): MessageShape<Desc> | undefined {
  const before = problems.errors.length;
  const fields = honouredFields(schema, part, honoured, problems);
  if (problems.errors.length > before) return undefined;
  const json = Object.fromEntries(Array.from(fields.values(), ({ key, value }) => [key, value]));
  const shape = checkShape(schema, json);
  for (const problem of shape.problems)
    problems.found.push({ ...problem, path: joinPaths(part.path, problem.path) });
  if (problems.errors.length > before) return undefined;
  try {
    return fromJson(schema, shape.json, { registry: TYPES });
  } catch (error) {
    problems.error(part.path, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The items of a list, each with its path; an absent list is empty. */
export function items(part: Part | undefined, problems: Problems): readonly Part[] {
  if (part === undefined) return [];
  if (!Array.isArray(part.value)) {
    problems.error(part.path, `must be a list, not ${describe(part.value)}`);
    return [];
  }
  return part.value.map((value, index) => ({ value, path: childPath(part.path, index) }));
}
