import { Fields, type Item } from "../../xds/common/fields.ts";
import type { Problem } from "../../xds/common/problem.ts";
import { Problems } from "../../xds/common/problem.ts";
import { type PlacedProblem, SourceText } from "../../xds/common/source-text.ts";
import { type Cost, meanCost } from "./cost.ts";
import { readFaults } from "./read-faults.ts";
import { readHealthCheck } from "./read-health-check.ts";
import { capacity, DEFAULT_RETRY, type Phase, type Retry, type Scenario } from "./scenario.ts";
import type { ServerShape } from "./server.ts";

/** What one run may cost: a scenario past these is refused with the bound in the message. */
const MOST_REQUESTS = 5_000_000;
const MOST_CLIENTS = 10_000;
const MOST_ENDPOINTS = 10_000;
const LONGEST_MS = 3_600_000;
const MOST_ITEMS = 100;
/** As in EDS. */
const HIGHEST_PRIORITY = 128;
const WARM_UP_PART = 1 / 6;
const LATENCY = { min: 0, max: 60_000 };
const PART = { min: 0, max: 1 };

export type ScenarioReading =
  | { readonly scenario: Scenario }
  | { readonly problems: readonly PlacedProblem[]; readonly text: SourceText };

/** Reads a scenario file strictly: all problems at once, each with its place. */
export function readScenario(text: string, file: string): ScenarioReading {
  const source = new SourceText(text, file);
  if (source.syntax.length > 0) return { problems: source.syntax, text: source };
  const problems = new Problems();
  const scenario = scenarioFrom(source.value, problems);
  if (scenario && !problems.failed) return { scenario };
  return { problems: problems.found.map((problem: Problem) => source.place(problem)), text: source };
}

function scenarioFrom(value: unknown, problems: Problems): Scenario | undefined {
  const fields = Fields.of(value, "", problems);
  if (!fields) return undefined;
  fields.required("name");
  fields.required("duration");
  fields.required("endpoints");
  const name = fields.nonEmptyString("name", 64) ?? "";
  const title = fields.string("title", 200) ?? name;
  const durationMs = fields.duration("duration", { min: 1_000, max: LONGEST_MS }) ?? 1_000;
  const clients = fields.integer("clients", { min: 1, max: MOST_CLIENTS }) ?? 100;
  const cost = readCost(fields);
  const endpoints = readEndpoints(fields, problems);
  const rates = readRates(fields, problems, durationMs, capacity(endpoints, cost));
  const network = readNetwork(fields);
  const timeoutMs = fields.duration("timeout", { min: 1, max: LONGEST_MS }) ?? 1_000;
  const retry = readRetry(fields, timeoutMs);
  const reports = fields.boolean("reports") ?? false;
  const locality = fields.oneOf("locality", ["none", "weighted", "zone_aware"]) ?? "none";
  const healthCheck = readHealthCheck(fields);
  const faults = readFaults(fields, problems, durationMs, endpoints.length);
  const phases = readPhases(fields, problems, durationMs);
  fields.close();
  let requests = 0;
  for (const [index, rate] of rates.entries()) {
    requests += (((rates[index + 1]?.fromMs ?? durationMs) - rate.fromMs) * rate.perSecond) / 1_000;
  }
  if (requests > MOST_REQUESTS) {
    problems.error(
      "",
      `the run would have ${Math.round(requests)} requests, at most ${MOST_REQUESTS} are allowed`,
    );
  }
  return {
    name,
    title,
    durationMs,
    clients,
    endpoints,
    rates,
    cost,
    network,
    timeoutMs,
    retry,
    reports,
    locality,
    healthCheck,
    faults,
    phases,
  };
}

function readCost(fields: Fields): Cost {
  const usual: Cost = { kind: "exponential", meanMs: 10 };
  const cost = fields.mapping("cost");
  if (!cost) return usual;
  const positive = { min: 0.001, max: 60_000 };
  const kind = cost.oneOf("distribution", ["exponential", "lognormal", "bimodal", "normal"]) ?? "exponential";
  const meanMs = kind === "bimodal" ? 0 : (cost.duration("mean", positive) ?? 10);
  let read: Cost = { kind: "exponential", meanMs };
  if (kind === "lognormal") read = { kind, meanMs, cv: cost.number("cv", { min: 0, max: 100 }) ?? 1 };
  else if (kind === "normal")
    read = { kind, meanMs, deviationMs: cost.duration("deviation", positive) ?? meanMs };
  else if (kind === "bimodal") {
    const shortMs = cost.duration("short", positive) ?? 2;
    const longMs = cost.duration("long", positive) ?? 80;
    read = { kind, shortMs, longMs, longPart: cost.number("long_part", PART) ?? 0.1 };
  }
  cost.close();
  return meanCost(read) > 0 ? read : usual;
}

function readEndpoints(fields: Fields, problems: Problems): ServerShape[] {
  const shapes: ServerShape[] = [];
  for (const group of mappings(fields, "endpoints", problems)) {
    const count = group.integer("count", { min: 1, max: MOST_ENDPOINTS }) ?? 1;
    const shape: ServerShape = {
      cores: group.integer("cores", { min: 1, max: 1_024 }) ?? 2,
      speed: group.number("speed", { min: 0.001, max: 1_000 }) ?? 1,
      zone: group.string("zone", 64) ?? "",
      priority: group.integer("priority", { min: 0, max: HIGHEST_PRIORITY }) ?? 0,
      weight: group.integer("weight", { min: 1, max: 10_000 }) ?? 1,
    };
    group.close();
    for (let i = 0; i < count && shapes.length <= MOST_ENDPOINTS; i++) shapes.push(shape);
  }
  const priorities = new Set(shapes.map(({ priority }) => priority));
  if (Math.max(...priorities) >= priorities.size)
    fields.error("endpoints", "must have priorities without a gap, from 0 up");
  if (shapes.length === 0) fields.error("endpoints", "must list one endpoint or more");
  if (shapes.length > MOST_ENDPOINTS) fields.error("endpoints", `must be at most ${MOST_ENDPOINTS} in all`);
  return shapes;
}

/** `load` (part of the capacity) or `rate` (per second) for the whole run, or `steps` of either. */
function readRates(
  fields: Fields,
  problems: Problems,
  durationMs: number,
  most: number,
): { fromMs: number; perSecond: number }[] {
  const steps = mappings(fields, "steps", problems).map((step) => {
    const fromMs = step.duration("at", { min: 0, max: durationMs }) ?? 0;
    const perSecond = readRate(step, most);
    step.close();
    return { fromMs, perSecond };
  });
  if (fields.has("steps") && (fields.has("load") || fields.has("rate")))
    fields.error("steps", "stands instead of load or rate, not beside them");
  if (steps.length > 0) {
    if (steps[0]!.fromMs !== 0) fields.error("steps", "must begin at 0s");
    for (let i = 1; i < steps.length; i++) {
      if (steps[i]!.fromMs <= steps[i - 1]!.fromMs) fields.error("steps", "must be in the order of time");
    }
    return steps;
  }
  return [{ fromMs: 0, perSecond: readRate(fields, most) }];
}

function readRate(fields: Fields, most: number): number {
  const load = fields.number("load", { min: 0, max: 100 });
  const rate = fields.number("rate", { min: 0, max: 1e6 });
  if (load !== undefined && rate !== undefined) fields.error("rate", "stands instead of load, not beside it");
  return rate ?? (load ?? 0.7) * most;
}

function readNetwork(fields: Fields): Scenario["network"] {
  const network = fields.mapping("network");
  const read = {
    latencyMs: network?.duration("latency", LATENCY) ?? 0.25,
    jitter: network?.number("jitter", PART) ?? 0.2,
    crossZoneMs: network?.duration("cross_zone", LATENCY) ?? 0,
  };
  network?.close();
  return read;
}

function readRetry(fields: Fields, timeoutMs: number): Retry | undefined {
  const retry = fields.mapping("retry");
  if (!retry) return undefined;
  const tries = retry.integer("tries", { min: 2, max: 10 }) ?? DEFAULT_RETRY.tries;
  const budgetPercent = retry.number("budget_percent", { min: 0, max: 100 }) ?? DEFAULT_RETRY.budgetPercent;
  const deadlineMs = retry.duration("deadline", { min: 1, max: LONGEST_MS }) ?? tries * timeoutMs;
  retry.close();
  return { tries, budgetPercent, deadlineMs };
}

function readPhases(fields: Fields, problems: Problems, durationMs: number): Phase[] {
  const phases = mappings(fields, "phases", problems).map((phase) => {
    const span = { min: 0, max: durationMs };
    const read: Phase = {
      name: phase.nonEmptyString("name", 32) ?? "",
      fromMs: phase.duration("from", span) ?? 0,
      toMs: phase.duration("to", span) ?? durationMs,
    };
    if (read.fromMs >= read.toMs) phase.error("to", "must be later than from");
    phase.close();
    return read;
  });
  if (phases.length > 0) return phases;
  return [{ name: "all", fromMs: Math.round(durationMs * WARM_UP_PART), toMs: durationMs }];
}

export function mappings(fields: Fields, key: string, problems: Problems): Fields[] {
  const items: readonly Item[] = fields.list(key, MOST_ITEMS) ?? [];
  return items.flatMap((item) => Fields.of(item.value, item.path, problems) ?? []);
}
