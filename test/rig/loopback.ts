/**
 * Simulator against reality: real sidecars, real HTTP servers with the simulator's queues, and its requests at their times. Prints
 * both side by side, means over the runs with how far chance may have moved them, and one JSON object as the last line.
 *
 *   node test/rig/loopback.ts [--scenarios two-generations,slow-endpoints,fast-errors] [--policy adaptive|round_robin]
 *                             [--runs 3] [--seed 1] [--keep FILE]
 *
 * --keep  adds the runs to those in the file, and prints what all of them say: a run takes 35 s, and small shares need a dozen
 *
 * Costs are 40 ms where the simulator's scenarios have 10, so that a timer's millisecond and a turn of the event loop matter little.
 * What a request without work takes here is measured before each run, and is the simulated run's network. Requests that were under way
 * when this process stood still (other things ran on the machine) are left out of the latencies on both sides; runs with many of them
 * are made again.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { loadScenario, production, type Scenario } from "../../sidecar/simulate/index.ts";
import { type Comparison, compare } from "./comparison.ts";
import { type LoopbackPair, makePair } from "./make-pair.ts";

const SCENARIOS = ["two-generations", "slow-endpoints", "fast-errors"];
const POLICIES: ReadonlyMap<string, ResolvedPolicy> = new Map<string, ResolvedPolicy>([
  ["adaptive", { kind: "adaptive" }],
  ["round_robin", { kind: "round_robin", slowStart: undefined }],
]);
const MOST_THROWN_AWAY = 10;

interface KeptPair {
  readonly scenario: string;
  readonly policy: string;
  readonly seed: number;
  readonly pair: LoopbackPair;
}

const { values } = parseArgs({
  options: {
    scenarios: { type: "string", default: SCENARIOS.join(",") },
    policy: { type: "string", default: "adaptive" },
    runs: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    keep: { type: "string" },
  },
});
const policy = POLICIES.get(values.policy);
if (!policy) throw new Error(`--policy is one of ${[...POLICIES.keys()].join(", ")}`);
const runs = Number(values.runs);
const firstSeed = Number(values.seed);
if (!Number.isInteger(runs) || runs < 0) throw new Error("--runs is a whole number from 0 up");
if (!Number.isSafeInteger(firstSeed)) throw new Error("--seed is a whole number");
const entry = production(values.policy, values.policy, policy, undefined);

const kept = values.keep !== undefined && existsSync(values.keep) ? readKept(values.keep) : [];
const report: object[] = [];
for (const name of values.scenarios.split(",")) {
  const scenario = readScenario(name);
  const pairs = kept
    .filter((of) => of.scenario === name && of.policy === values.policy)
    .map(({ pair }) => pair);
  let thrownAway = 0;
  for (let made = 0; made < runs && thrownAway < MOST_THROWN_AWAY; ) {
    const seed = firstSeed + made;
    const pair = await makePair(scenario, policy, entry, seed);
    if (!pair) {
      thrownAway++;
      continue;
    }
    made++;
    pairs.push(pair);
    if (values.keep === undefined) continue;
    const line: KeptPair = { scenario: name, policy: values.policy, seed, pair };
    appendFileSync(values.keep, `${JSON.stringify(line)}\n`);
  }
  const comparisons = compare(pairs);
  print(`${scenario.title}: ${values.policy}, ${pairs.length} runs`);
  printTable(comparisons);
  const networks = pairs.map(({ networkMs }) => networkMs.toFixed(1)).join(", ");
  const spoilt = pairs.reduce((sum, pair) => sum + pair.spoiltPart, 0) / pairs.length;
  print(`network one way: ${networks} ms`);
  print(
    `left out: ${(100 * spoilt).toFixed(1)} % of the requests; ${thrownAway} more runs were thrown away\n`,
  );
  report.push({ scenario: name, policy: values.policy, runs: pairs.length, thrownAway, comparisons });
}
print(JSON.stringify({ seed: firstSeed, scenarios: report }));

function readKept(path: string): KeptPair[] {
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as KeptPair);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readScenario(name: string): Scenario {
  const reading = loadScenario(fileURLToPath(new URL(`scenarios/${name}.yaml`, import.meta.url)));
  if ("scenario" in reading) return reading.scenario;
  throw new Error(reading.problems.map((problem) => reading.text.render(problem)).join("\n"));
}

function printTable(comparisons: readonly Comparison[]): void {
  print(`${"".padEnd(42)}${"simulated".padStart(10)}${"loopback".padStart(10)}${"difference".padStart(12)}`);
  for (const { phase, name, simulated, measured, differencePercent, uncertaintyPercent } of comparisons) {
    const numbers = [simulated, measured].map((value) => value.toFixed(value < 10 ? 2 : 1).padStart(10));
    const bound = uncertaintyPercent > 0 ? ` +- ${uncertaintyPercent.toFixed(1)}` : "";
    print(
      `${`${phase}: ${name}`.padEnd(42)}${numbers.join("")}${differencePercent.toFixed(1).padStart(10)}${bound} %`,
    );
  }
}
