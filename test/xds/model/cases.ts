import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { pathSegments } from "../../../xds/common/field-path.ts";
import { describeProblem } from "../../../xds/common/problem.ts";
import {
  type Decoded,
  type ModelContext,
  type ResourceType,
  XDS_CONTEXT,
} from "../../../xds/model/resource-type.ts";

/** A good resource with some fields set otherwise, and what is told of it. */
export interface RefusalCase {
  readonly title: string;
  readonly set: Readonly<Record<string, JsonValue>>;
  /** The one error, as `path: reason`; the reason may be cut short. */
  readonly error?: string;
  /** The one warning, in the same form. */
  readonly warning?: string;
  readonly context?: Partial<ModelContext>;
}

/** The resource with the fields at these paths set; missing mappings and lists on the way are made. */
export function changed(base: JsonObject, set: Readonly<Record<string, JsonValue>>): JsonObject {
  const root = structuredClone(base);
  for (const [path, value] of Object.entries(set)) {
    const segments = pathSegments(path);
    let here = root as Record<string | number, JsonValue>;
    segments.forEach((segment, index) => {
      const next = segments[index + 1];
      if (next === undefined) here[segment] = value;
      else here[segment] ??= typeof next === "number" ? [] : {};
      here = here[segment] as Record<string | number, JsonValue>;
    });
  }
  return root;
}

/** Reads a resource both ways, as JSON and over the wire, and makes sure that they agree. */
export function readBoth<T>(
  type: ResourceType<T>,
  json: JsonValue,
  context: ModelContext = XDS_CONTEXT,
): Decoded<T> {
  const { bytes, problems } = type.encode(json);
  assert.ok(bytes, problems.map(describeProblem).join("\n"));
  const fromWire = type.decode(bytes, context);
  const fromJson = type.fromJson(json, context);
  assert.deepEqual(fromJson, fromWire);
  return fromWire;
}

/** The value of a resource without any problem. */
export function accepted<T>(type: ResourceType<T>, json: JsonValue, context: ModelContext = XDS_CONTEXT): T {
  const { value, problems } = readBoth(type, json, context);
  assert.deepEqual(problems, []);
  assert.ok(value !== undefined);
  return value;
}

export function testRefusals<T>(
  type: ResourceType<T>,
  base: JsonObject,
  cases: readonly RefusalCase[],
): void {
  for (const { title, set, error, warning, context } of cases) {
    test(title, () => {
      const { value, problems } = readBoth(type, changed(base, set), { ...XDS_CONTEXT, ...context });
      const told = problems.map((problem) => `${problem.severity} ${describeProblem(problem)}`);
      const expected = error === undefined ? `warning ${warning}` : `error ${error}`;
      assert.equal(told.length, 1, told.join("\n"));
      assert.ok(told[0]?.startsWith(expected), `${told[0]}\n  should start with\n${expected}`);
      assert.equal(value === undefined, error !== undefined);
    });
  }
}
