import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import { renderPicture } from "./picture.ts";
import { findPolicy, POLICIES, type PolicyEntry } from "./policies.ts";
import { legend, phaseLines, reportLines } from "./report.ts";
import { type Run, runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { loadScenario, shippedScenarios } from "./scenario-files.ts";

/** What a person may ask of the simulator. */
export interface SimulateArguments {
  /** The name of a shipped scenario or the path of a file; undefined: say what there is. */
  readonly scenario: string | undefined;
  /** Default: adaptive and the peers that most clusters use. */
  readonly policies?: readonly string[] | undefined;
  /** Whole numbers, separated by commas. Default: 1. */
  readonly seeds?: string | undefined;
  /** One JSON object instead of the table. */
  readonly json?: boolean | undefined;
  /** Write the picture there; it shows the first seed. */
  readonly svg?: string | undefined;
}

export interface SimulateStreams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const USUAL_POLICIES = ["round_robin", "least_request", "peak_ewma", "adaptive", "oracle"];
const EXIT = { ok: 0, failure: 1, usage: 2, config: 3 } as const;
export type SimulateExit = (typeof EXIT)[keyof typeof EXIT];

/** Runs one scenario with each policy and seed, one after the other. Returns the exit code; never throws for bad input. */
export function simulateCommand(args: SimulateArguments, streams: SimulateStreams): SimulateExit {
  const { scenario: name, policies: names = USUAL_POLICIES } = args;
  if (name === undefined) {
    list(streams);
    return EXIT.ok;
  }
  const policies: PolicyEntry[] = [];
  for (const wanted of new Set(names)) {
    const policy = findPolicy(wanted);
    if (policy) policies.push(policy);
    else streams.stderr.write(unknownPolicy(wanted));
  }
  if (!names.every(findPolicy)) return EXIT.usage;
  const seeds = readSeeds(args.seeds ?? "1");
  if (!seeds) {
    streams.stderr.write(`dashpot: --seeds takes whole numbers like 1,2,3, not "${args.seeds}"\n`);
    return EXIT.usage;
  }
  const scenario = load(name, streams);
  if (typeof scenario === "number") return scenario;
  if (args.svg !== undefined && !canWrite(args.svg, streams)) return EXIT.failure;
  const runs = policies.map((policy) => ({
    policy,
    runs: seeds.map((seed) => {
      streams.stderr.write(`${scenario.name}: ${policy.name}, seed ${seed}\n`);
      return runScenario(scenario, { policy, seed });
    }),
  }));
  if (args.svg !== undefined && !draw(args.svg, runs, streams)) return EXIT.failure;
  if (args.json) streams.stdout.write(`${JSON.stringify(asJson(scenario, runs))}\n`);
  else printTable(scenario, runs, streams);
  return EXIT.ok;
}

/** Undefined: not a list of seeds. */
function readSeeds(text: string): number[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  return parts.every((part) => /^\d{1,15}$/.test(part)) ? [...new Set(parts.map(Number))] : undefined;
}

interface PolicyRuns {
  readonly policy: PolicyEntry;
  readonly runs: readonly Run[];
}

function load(name: string, streams: SimulateStreams): Scenario | SimulateExit {
  try {
    const reading = loadScenario(name);
    if ("scenario" in reading) return reading.scenario;
    for (const problem of reading.problems) streams.stderr.write(`${reading.text.render(problem)}\n`);
    return EXIT.config;
  } catch (error) {
    const reason = (error as Error).message;
    const hint = didYouMean(name, shippedScenarios()) || "; dashpot simulate lists those that come with it";
    streams.stderr.write(`dashpot: cannot read the scenario "${name}": ${reason}${hint}\n`);
    return EXIT.usage;
  }
}

function unknownPolicy(name: string): string {
  const known = POLICIES.map((policy) => policy.name);
  return `dashpot: there is no policy "${name}"${didYouMean(name, known)}; there are ${known.join(", ")}\n`;
}

function list({ stdout }: SimulateStreams): void {
  stdout.write("scenarios:\n");
  for (const name of shippedScenarios()) {
    const reading = loadScenario(name);
    stdout.write(`  ${name.padEnd(26)}${"scenario" in reading ? reading.scenario.title : ""}\n`);
  }
  stdout.write("policies:\n");
  for (const { name, title } of POLICIES) stdout.write(`  ${name.padEnd(26)}${title}\n`);
}

function printTable(scenario: Scenario, runs: readonly PolicyRuns[], { stdout }: SimulateStreams): void {
  const rows = runs.map(({ policy, runs: of }) => ({
    title: policy.title,
    results: of.map((run) => run.result),
  }));
  const parts = [[scenario.title], reportLines(rows), phaseLines(rows), legend(rows)];
  const paragraphs = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  stdout.write(`${paragraphs.join("\n\n")}\n`);
}

function asJson(scenario: Scenario, runs: readonly PolicyRuns[]): object {
  return { scenario: scenario.name, runs: runs.flatMap(({ runs: of }) => of.map((run) => run.result)) };
}

/** Told before the runs, which may take minutes. */
function canWrite(path: string, { stderr }: SimulateStreams): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch (error) {
    stderr.write(`dashpot: cannot write ${path}: ${(error as Error).message}\n`);
    return false;
  }
}

function draw(path: string, runs: readonly PolicyRuns[], { stderr }: SimulateStreams): boolean {
  try {
    const columns = runs.map((of) => ({ title: of.policy.title, recording: of.runs[0]!.recording }));
    writeFileSync(path, renderPicture(columns));
    return true;
  } catch (error) {
    stderr.write(`dashpot: cannot write ${path}: ${(error as Error).message}\n`);
    return false;
  }
}
