import { Fields } from "../../xds/common/fields.ts";
import type { Problems } from "../../xds/common/problem.ts";
import type { Fault, FaultEffect } from "./scenario.ts";

const PART = { min: 0, max: 1 };
const MOST_FAULTS = 100;
const KINDS = [
  "slow",
  "pause",
  "warm_up",
  "errors",
  "push_back",
  "refuse",
  "black_hole",
  "drain",
  "absent",
] as const;
const SHORTEST_MS = 1;
const MOST_REQUESTS = 1_000_000;
const LONGEST_MS = 3_600_000;

export function readFaults(
  fields: Fields,
  problems: Problems,
  durationMs: number,
  endpoints: number,
): Fault[] {
  const faults: Fault[] = [];
  for (const item of fields.list("faults", MOST_FAULTS) ?? []) {
    const fault = Fields.of(item.value, item.path, problems);
    if (!fault) continue;
    faults.push(readFault(fault, problems, durationMs, endpoints));
    fault.close();
  }
  return faults;
}

function readFault(fields: Fields, problems: Problems, durationMs: number, endpoints: number): Fault {
  fields.required("kind");
  const span = { min: 0, max: durationMs };
  const fromMs = fields.duration("from", span) ?? 0;
  const toMs = fields.duration("to", span) ?? durationMs;
  if (fromMs >= toMs) fields.error("to", "must be later than from");
  return {
    endpoints: readEndpoints(fields, problems, endpoints),
    effect: readEffect(fields),
    fromMs,
    toMs,
    repeat: readRepeat(fields),
  };
}

/** Indexes of endpoints, or `all`. */
function readEndpoints(fields: Fields, problems: Problems, count: number): number[] {
  const everyone = Array.from({ length: count }, (_, index) => index);
  if (!fields.has("endpoints") || fields.raw("endpoints") === "all") return everyone;
  return (fields.list("endpoints", count) ?? []).flatMap(({ value, path }) => {
    if (Number.isInteger(value) && Number(value) >= 0 && Number(value) < count) return [Number(value)];
    problems.error(path, `must be the index of an endpoint, from 0 to ${count - 1}`);
    return [];
  });
}

function readEffect(fields: Fields): FaultEffect {
  const kind = fields.oneOf("kind", KINDS) ?? "refuse";
  switch (kind) {
    case "pause":
      return { kind: "slow", speed: 0 };
    case "slow":
      return { kind, speed: fields.number("speed", { min: 0, max: 100 }) ?? 0.2 };
    case "warm_up":
      return { kind, speed: fields.number("speed", PART) ?? 0.1 };
    case "errors":
      return {
        kind,
        part: fields.number("part", PART) ?? 1,
        afterMs: fields.duration("after", { min: 0, max: LONGEST_MS }) ?? 0.3,
      };
    case "push_back":
      return {
        kind,
        limit: fields.integer("limit", { min: 0, max: MOST_REQUESTS }) ?? 0,
        retryAfterMs: fields.duration("retry_after", { min: 0, max: LONGEST_MS }) ?? 1_000,
      };
    default:
      return { kind };
  }
}

function readRepeat(fields: Fields): Fault["repeat"] {
  const span = { min: SHORTEST_MS, max: LONGEST_MS };
  const everyMs = fields.duration("every", span);
  const lengthMs = fields.duration("length", span);
  const jitter = fields.number("jitter", PART) ?? 0.5;
  if (everyMs === undefined && lengthMs === undefined) return undefined;
  if (everyMs === undefined || lengthMs === undefined) {
    fields.error(everyMs === undefined ? "every" : "length", "every and length stand together");
    return undefined;
  }
  return { everyMs, lengthMs, jitter };
}
