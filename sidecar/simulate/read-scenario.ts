import { Fields } from "../../xds/common/fields.ts";
import type { Problem } from "../../xds/common/problem.ts";
import { Problems } from "../../xds/common/problem.ts";
import { type PlacedProblem, SourceText } from "../../xds/common/source-text.ts";
import { readCost } from "./read-cost.ts";
import { readEndpoints } from "./read-endpoints.ts";
import { readFaults } from "./read-faults.ts";
import { readHealthCheck } from "./read-health-check.ts";
import { readRates } from "./read-rates.ts";
import { checkRunSize } from "./run-size.ts";
import { capacity, DEFAULT_RETRY, type Phase, type Retry, type Scenario } from "./scenario.ts";

const MOST_CLIENTS = 10_000;
const LONGEST_MS = 3_600_000;
const MOST_PHASES = 20;
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
  const durationMs = fields.duration("duration", { min: 1_000, max: LONGEST_MS }) ?? LONGEST_MS;
  const clients = fields.integer("clients", { min: 1, max: MOST_CLIENTS }) ?? 100;
  const cost = readCost(fields);
  const endpoints = readEndpoints(fields);
  const rates = readRates(fields, durationMs, capacity(endpoints, cost));
  const network = readNetwork(fields);
  const timeoutMs = fields.duration("timeout", { min: 1, max: LONGEST_MS }) ?? 1_000;
  const retry = readRetry(fields, timeoutMs);
  const reports = fields.boolean("reports") ?? false;
  const locality = fields.oneOf("locality", ["none", "weighted", "zone_aware"]) ?? "none";
  const healthCheck = readHealthCheck(fields);
  const faults = readFaults(fields, durationMs, endpoints.length);
  const phases = readPhases(fields, durationMs);
  fields.close();
  const scenario: Scenario = {
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
  // Of a scenario that is wrong anyway the size means nothing.
  if (!problems.failed) checkRunSize(scenario, problems);
  return scenario;
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

function readPhases(fields: Fields, durationMs: number): Phase[] {
  const phases = fields.mappings("phases", MOST_PHASES).map((phase) => {
    phase.required("name");
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
