/**
 * How well each policy routes: every scenario of the house against every policy, the same requests for all. Prints a table
 * per scenario, means over the seeds, and one JSON object as the last line.
 *
 *   node test/bench/routing.ts [--quick] [--scenarios A,B] [--policies adaptive,c3] [--seeds 1,2]
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { findPolicy, loadScenario, type ReportRow, reportLines } from "../../sidecar/simulate/index.ts";
import type { RoutingJob, RoutingOutcome } from "./routing-worker.ts";

/** Letters are those of the tables in docs/how-routing-decides.md. */
const SCENARIOS: readonly (readonly [letter: string, name: string])[] = [
  ["A", "two-generations-70"],
  ["B", "two-generations-90"],
  ["B10", "two-generations-90-dense"],
  ["C", "pauses-and-antagonists"],
  ["D", "errors-fast"],
  ["D3", "errors-partial"],
  ["E", "black-hole"],
  ["E2", "refusal"],
  ["F", "slow-endpoint"],
  ["G", "sparse"],
  ["H", "ramp"],
  ["J", "scale-out"],
  ["K", "flapping"],
  ["L", "lognormal"],
  ["M", "bimodal"],
  ["T", "three-generations"],
  ["U", "many-endpoints"],
  ["V", "many-unequal"],
  ["Z", "zones"],
];
const FAILING = new Set(["D", "D3", "E", "E2"]);
const POLICIES = [
  "round_robin",
  "least_request",
  "peak_ewma",
  "prequal_published",
  "prequal",
  "weighted_round_robin",
  "c3",
  "c3_estimated",
  "d2_relative",
  "inverse_latency",
  "adaptive",
  "adaptive_reports",
  "oracle",
];
/** Where endpoints fail, the peers' remedies run too, and what a retry makes of it. */
const REMEDIES = ["round_robin_od", "least_request_od", "linkerd", "prequal_errors", "c3_breaker"];
const SEEDS = [1, 2, 3, 4, 5];
const MOST_WORKERS = 2;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    scenarios: { type: "string" },
    policies: { type: "string" },
    seeds: { type: "string" },
  },
});
const wanted = values.scenarios?.split(",");
const chosen = SCENARIOS.filter(
  ([letter, name]) => !wanted || wanted.includes(letter) || wanted.includes(name),
);
const seeds = values.seeds?.split(",").map(Number) ?? (values.quick ? SEEDS.slice(0, 1) : SEEDS);

const jobs: RoutingJob[] = [];
for (const [letter, scenario] of chosen) {
  const failing = FAILING.has(letter);
  const policies = values.policies?.split(",") ?? [...POLICIES, ...(failing ? REMEDIES : [])];
  for (const policy of policies) {
    if (!findPolicy(policy)) throw new Error(`there is no policy "${policy}"`);
    for (const seed of seeds) {
      jobs.push({ scenario, policy, seed, retry: false });
      if (failing && policy.startsWith("adaptive")) jobs.push({ scenario, policy, seed, retry: true });
    }
  }
}
const outcomes = await runAll(jobs);
for (const [letter, name] of chosen) report(letter, name);
process.stdout.write(`${JSON.stringify({ bench: "routing", seeds, runs: outcomes.map(slim) })}\n`);

async function runAll(all: readonly RoutingJob[]): Promise<RoutingOutcome[]> {
  const waiting = [...all];
  const done: RoutingOutcome[] = [];
  const workers = Math.min(MOST_WORKERS, availableParallelism(), waiting.length);
  await Promise.all(
    Array.from(
      { length: workers },
      () =>
        new Promise<void>((resolve, reject) => {
          const worker = new Worker(new URL("routing-worker.ts", import.meta.url));
          const next = () => {
            const job = waiting.shift();
            if (job) worker.postMessage(job);
            else void worker.terminate().then(() => resolve());
          };
          worker.on("error", reject);
          worker.on("message", (outcome: RoutingOutcome) => {
            done.push(outcome);
            const { scenario, policy, seed } = outcome.job;
            const took = `${outcome.seconds.toFixed(1)} s`;
            process.stderr.write(
              `${done.length}/${all.length} ${scenario} ${policy} seed ${seed}: ${took}\n`,
            );
            next();
          });
          next();
        }),
    ),
  );
  return done;
}

function report(letter: string, name: string): void {
  const reading = loadScenario(name);
  const title = "scenario" in reading ? reading.scenario.title : name;
  process.stdout.write(`\n${letter}  ${title} (means of ${seeds.length} seeds)\n`);
  for (const line of reportLines(rowsOf(name))) process.stdout.write(`${line}\n`);
}

function rowsOf(scenario: string): ReportRow[] {
  const rows: ReportRow[] = [];
  for (const policy of new Set(jobs.map((job) => job.policy))) {
    for (const retry of [false, true]) {
      const of = outcomes.filter(
        ({ job }) => job.scenario === scenario && job.policy === policy && job.retry === retry,
      );
      if (of.length === 0) continue;
      const title = `${findPolicy(policy)!.title}${retry ? ", one retry" : ""}`;
      rows.push({ title, results: of.map(({ result }) => result) });
    }
  }
  return rows;
}

function slim({ job, result }: RoutingOutcome): object {
  const round = (value: number) => Math.round(value * 1_000) / 1_000;
  return {
    ...job,
    phases: result.phases.map((phase) => ({
      name: phase.name,
      p50: round(phase.p50),
      p99: round(phase.p99),
      p999: round(phase.p999),
      requests: phase.requests,
      failedRequests: phase.failedRequests,
      failedTries: phase.failedTries,
      jain: round(phase.jain),
    })),
    fault: result.fault,
    probes: round(result.probes),
  };
}
