import type { Fields } from "../../xds/common/fields.ts";
import type { Fault, FaultEffect } from "./scenario.ts";

const PART = { min: 0, max: 1 };
const MOST_FAULTS = 100;
const MOST_NAMED = 10_000;
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

export function readFaults(fields: Fields, durationMs: number, endpoints: number): Fault[] {
  return fields.mappings("faults", MOST_FAULTS).map((fault) => {
    const read = readFault(fault, durationMs, endpoints);
    fault.close();
    return read;
  });
}

function readFault(fields: Fields, durationMs: number, endpoints: number): Fault {
  fields.required("kind");
  const span = { min: 0, max: durationMs };
  const fromMs = fields.duration("from", span) ?? 0;
  const toMs = fields.duration("to", span) ?? durationMs;
  if (fromMs >= toMs) fields.error("to", "must be later than from");
  return {
    endpoints: readEndpoints(fields, endpoints),
    effect: readEffect(fields),
    fromMs,
    toMs,
    repeat: readRepeat(fields),
  };
}

/** Indexes of endpoints; `all` where nothing is said. */
function readEndpoints(fields: Fields, count: number): number[] {
  const everyone = Array.from({ length: count }, (_, index) => index);
  if (!fields.has("endpoints") || fields.raw("endpoints") === "all") return everyone;
  // Without endpoints, which is told elsewhere, no index can be judged.
  if (count === 0) return [];
  const given = (fields.list("endpoints", MOST_NAMED) ?? []).map(({ value }) => value);
  const known = new Set(given.filter((value) => isIndex(value, count)));
  if (known.size < given.length)
    fields.error("endpoints", `must be "all" or a list of indexes, each once, from 0 to ${count - 1}`);
  return [...known];
}

function isIndex(value: unknown, count: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < count;
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
