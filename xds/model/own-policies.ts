import type { JsonObject } from "@bufbuild/protobuf";
import { Fields } from "../common/fields.ts";
import { Problems } from "../common/problem.ts";
import type { AdaptiveOptions, BalancingPolicy, SlowStart } from "./cluster.ts";
import type { Scope } from "./scope.ts";

/** The policies that Envoy has no message for; any control plane can send them as a TypedStruct. */
const READERS: ReadonlyMap<string, (fields: Fields) => BalancingPolicy> = new Map([
  ["dashpot.v1.Adaptive", (fields) => ({ kind: "adaptive", ...adaptiveOptionsOf(fields) })],
  ["dashpot.v1.PeakEwma", peakEwmaOf],
]);

const DURATIONS = { min: 1, max: 3_600_000 };

/** Undefined for a type that is not one of Dashpot's. Keys that are not known and wrong values are errors under `scope`. */
export function ownPolicyOf(scope: Scope, type: string, value: JsonObject): BalancingPolicy | undefined {
  const read = READERS.get(type);
  if (read === undefined) return undefined;
  const problems = new Problems();
  const fields = Fields.of(value, "", problems);
  const policy = fields && read(fields);
  fields?.close();
  for (const { path, reason } of problems.found) scope.within(path).error(reason);
  return policy;
}

/** `scan_limit`, `decay_time`, `weight_update_period`, `exploration_floor`, `slow_start`: see `AdaptiveOptions`. */
function adaptiveOptionsOf(fields: Fields): AdaptiveOptions {
  return {
    ...present("scanLimit", fields.integer("scan_limit", { min: 2, max: 256 })),
    ...present("decayMs", fields.duration("decay_time", DURATIONS)),
    ...present("weightUpdateMs", fields.duration("weight_update_period", { ...DURATIONS, min: 100 })),
    ...present("explorationFloor", fields.number("exploration_floor", { min: 0, max: 0.5 })),
    ...present("slowStart", slowStartOf(fields.mapping("slow_start"))),
  };
}

/** `window`, `aggression` (default 1), `min_weight` as a fraction (default 0.1). */
function slowStartOf(fields: Fields | undefined): SlowStart | undefined {
  if (fields === undefined) return undefined;
  const slowStart = {
    windowMs: fields.required("window") ? (fields.duration("window", { min: 0, max: 86_400_000 }) ?? 0) : 0,
    aggression: fields.number("aggression", { min: 0.01, max: 100 }) ?? 1,
    minWeight: fields.number("min_weight", { min: 0, max: 1 }) ?? 0.1,
  };
  fields.close();
  return slowStart;
}

/** Finagle's constants: 10 s of memory; an endpoint without a sample counts as 10 ms. */
export const PEAK_EWMA_DEFAULTS = Object.freeze({ decayMs: 10_000, defaultRttMs: 10, choiceCount: 2 });

/** `decay_time`, `default_rtt`, `choice_count`. */
function peakEwmaOf(fields: Fields): BalancingPolicy {
  return {
    kind: "peak_ewma",
    decayMs: fields.duration("decay_time", DURATIONS) ?? PEAK_EWMA_DEFAULTS.decayMs,
    defaultRttMs:
      fields.duration("default_rtt", { ...DURATIONS, min: 0.001 }) ?? PEAK_EWMA_DEFAULTS.defaultRttMs,
    choiceCount: fields.integer("choice_count", { min: 2, max: 256 }) ?? PEAK_EWMA_DEFAULTS.choiceCount,
  };
}

/** One property, or none where the value is unset, as `exactOptionalPropertyTypes` wants it. */
function present<K extends string, V>(key: K, value: V | undefined): { readonly [name in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [name in K]: V });
}
