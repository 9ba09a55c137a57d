/**
 * Simulator against reality: real sidecars, real HTTP servers with the simulator's queues, and its requests at their times. Prints
 * both side by side, medians over the runs, and one JSON object as the last line.
 *
 *   node test/rig/loopback.ts [--scenarios two-generations,slow-endpoint,fast-errors] [--policy adaptive|round_robin] [--runs 3] [--seed 1]
 *
 * Costs are 40 ms where the simulator's scenarios have 10, so that a timer's millisecond and a turn of the event loop matter little.
 * What a request without work takes here is measured before each run, and is the simulated run's network. Requests that were under way
 * when this process stood still (other things ran on the machine) are left out of the latencies on both sides; runs with many of them
 * are made again.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { loadScenario, production, runScenario, type Scenario } from "../../sidecar/simulate/index.ts";
import { type Comparison, compare, type Pair, spoiltPart } from "./comparison.ts";
import { networkLatency, runOnLoopback } from "./run-on-loopback.ts";

const SCENARIOS = ["two-generations", "slow-endpoint", "fast-errors"];
const POLICIES: ReadonlyMap<string, ResolvedPolicy> = new Map<string, ResolvedPolicy>([
  ["adaptive", { kind: "adaptive" }],
  ["round_robin", { kind: "round_robin", slowStart: undefined }],
]);

/** A run is thrown away, and made again, when so many of its requests were touched by stalls, or when sockets took so long. */
const MOST_SPOILT = 0.3;
const MOST_NETWORK_MS = 5;
const MOST_THROWN_AWAY = 10;

const { values } = parseArgs({
  options: {
    scenarios: { type: "string", default: SCENARIOS.join(",") },
    policy: { type: "string", default: "adaptive" },
    runs: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
  },
});
const policy = POLICIES.get(values.policy);
if (!policy) throw new Error(`--policy is one of ${[...POLICIES.keys()].join(", ")}`);
const runs = Number(values.runs);
const firstSeed = Number(values.seed);
if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs is a whole number from 1 up");
if (!Number.isSafeInteger(firstSeed)) throw new Error("--seed is a whole number");
const entry = production(values.policy, values.policy, policy, undefined);

const report: object[] = [];
for (const name of values.scenarios.split(",")) {
  const scenario = readScenario(name);
  const pairs: Pair[] = [];
  const networks: number[] = [];
  let stalls = 0;
  let thrownAway = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  while (pairs.length < runs && thrownAway < MOST_THROWN_AWAY) {
    const seed = firstSeed + pairs.length;
    delay.enable();
    const latencyMs = await networkLatency(scenario, policy, seed);
    const real = await runOnLoopback(scenario, policy, seed);
    delay.disable();
    const isSpoilt = (startedAt: number): boolean => real.stalls.touches(startedAt);
    if (!(latencyMs < MOST_NETWORK_MS) || spoiltPart(real.recording, isSpoilt) > MOST_SPOILT) {
      thrownAway++;
      continue;
    }
    const network = { ...scenario.network, latencyMs };
    const simulated = runScenario({ ...scenario, network }, { policy: entry, seed }).recording;
    pairs.push({ simulated, measured: real.recording, isSpoilt });
    stalls += real.stalls.count;
    networks.push(latencyMs);
  }
  const timerMs = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  const comparisons = compare(pairs);
  printTable(`${scenario.title}: ${values.policy}, ${pairs.length} runs`, comparisons);
  const spoilt =
    pairs.reduce((sum, { measured, isSpoilt }) => sum + spoiltPart(measured, isSpoilt), 0) / pairs.length;
  print(
    `left out: ${(100 * spoilt).toFixed(1)} % of the requests, because this process stood still ${stalls} times; ${thrownAway} more runs were spoilt`,
  );
  print(`network one way: ${networks.map((ms) => ms.toFixed(1)).join(", ")} ms`);
  print(
    `a 1 ms timer of this process took ${timerMs.p50.toFixed(1)} ms (p99 ${timerMs.p99.toFixed(1)}, most ${timerMs.max.toFixed(0)})\n`,
  );
  report.push({
    scenario: name,
    policy: values.policy,
    networkMs: networks,
    timerMs,
    runs: pairs.length,
    thrownAway,
    spoiltPart: spoilt,
    comparisons,
  });
}
print(JSON.stringify({ seed: firstSeed, scenarios: report }));

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readScenario(name: string): Scenario {
  const reading = loadScenario(fileURLToPath(new URL(`scenarios/${name}.yaml`, import.meta.url)));
  if ("scenario" in reading) return reading.scenario;
  throw new Error(reading.problems.map((problem) => reading.text.render(problem)).join("\n"));
}

function printTable(title: string, comparisons: readonly Comparison[]): void {
  print(title);
  print(`${"".padEnd(42)}${"simulated".padStart(10)}${"loopback".padStart(10)}${"difference".padStart(12)}`);
  for (const { phase, name, simulated, measured, differencePercent } of comparisons) {
    const numbers = [simulated, measured].map((value) => value.toFixed(value < 10 ? 2 : 1).padStart(10));
    print(
      `${`${phase}: ${name}`.padEnd(42)}${numbers.join("")}${differencePercent.toFixed(1).padStart(10)} %`,
    );
  }
}
