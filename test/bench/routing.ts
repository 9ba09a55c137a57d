/**
 * How well each policy routes: every scenario of the house against every policy, the same requests for all, on every core. Says
 * first how long it will take, then prints a table per scenario, means over the seeds.
 *
 *   npm run bench:routing -- [--quick] [--scenarios A,B] [--policies adaptive,c3] [--seeds 1,2]
 *                            [--json] [--page FILE] [--keep FILE] [--minutes N]
 *
 * --quick    the first seed only
 * --json     one JSON object with every run instead of the tables
 * --page     writes the results as a page of the documentation too
 * --keep     keeps finished runs in the file, and takes those of the same code from there: to break off and go on
 * --minutes  begins no run after so many minutes; the tables are then of what is done
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { findPolicy, loadScenario, POLICIES, reportLines } from "../../sidecar/simulate/index.ts";
import { runAll } from "./routing/crew.ts";
import { nameOf, type Outcome } from "./routing/job.ts";
import { KeptRuns } from "./routing/kept-runs.ts";
import { jobsOf, SCENARIOS } from "./routing/line-up.ts";
import { renderPage } from "./routing/page.ts";
import { Progress } from "./routing/progress.ts";
import { rowsOf } from "./routing/rows.ts";

const SEEDS = [1, 2, 3, 4, 5];
const EXIT_USAGE = 2;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean" },
    scenarios: { type: "string" },
    policies: { type: "string" },
    seeds: { type: "string" },
    json: { type: "boolean" },
    page: { type: "string" },
    keep: { type: "string" },
    minutes: { type: "string", default: "Infinity" },
  },
});

const letters = values.scenarios?.split(",");
const scenarios = SCENARIOS.filter(
  ({ letter, name }) => !letters || letters.includes(letter) || letters.includes(name),
);
for (const wanted of letters ?? []) {
  if (!SCENARIOS.some(({ letter, name }) => letter === wanted || name === wanted))
    refuse(`there is no scenario "${wanted}"; there are ${SCENARIOS.map((s) => s.letter).join(", ")}`);
}
const policies = values.policies?.split(",");
for (const wanted of policies ?? []) {
  if (!findPolicy(wanted))
    refuse(`there is no policy "${wanted}"; there are ${POLICIES.map(({ name }) => name).join(", ")}`);
}
const seeds = values.seeds?.split(",").map(Number) ?? (values.quick ? SEEDS.slice(0, 1) : SEEDS);
if (!seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0))
  refuse("--seeds are whole numbers from 0 up, separated by commas");
const minutes = Number(values.minutes);
if (!(minutes > 0)) refuse("--minutes is a number above 0");

const kept = values.keep === undefined ? undefined : new KeptRuns(values.keep);
const jobs = jobsOf(scenarios, policies, seeds);
const finished = new Map<string, Outcome>();
for (const job of jobs) {
  const outcome = kept?.get(job);
  if (outcome) finished.set(nameOf(job), outcome);
}
const waiting = jobs.filter((job) => !finished.has(nameOf(job)));
if (finished.size > 0) process.stderr.write(`${finished.size} runs are kept in ${values.keep}\n`);
if (waiting.length > 0) {
  const deadline = performance.now() + minutes * 60_000;
  const progress = new Progress(waiting);
  process.stderr.write(progress.estimate());
  await runAll(waiting, deadline, (outcome) => {
    finished.set(nameOf(outcome.job), outcome);
    kept?.add(outcome);
    process.stderr.write(progress.after(outcome));
  });
}
const outcomes = jobs.flatMap((job) => finished.get(nameOf(job)) ?? []);
const missing = jobs.length - outcomes.length;
if (missing > 0) process.stderr.write(`${missing} of ${jobs.length} runs were not made: the time was over\n`);

if (values.json) process.stdout.write(`${JSON.stringify({ bench: "routing", seeds, runs: outcomes })}\n`);
else printTables();
if (values.page !== undefined) {
  if (missing > 0) refuse(`${values.page} is not written: ${missing} runs are missing`);
  writeFileSync(values.page, renderPage(outcomes, scenarios, seeds));
}

function printTables(): void {
  for (const { letter, name } of scenarios) {
    const rows = rowsOf(outcomes, name);
    if (rows.length === 0) continue;
    const reading = loadScenario(name);
    const title = "scenario" in reading ? reading.scenario.title : name;
    const counts = rows.map(({ results }) => results.length);
    const least = Math.min(...counts);
    const most = Math.max(...counts);
    const of = least === most ? `${most}` : `${least} to ${most}`;
    process.stdout.write(`\n${letter}  ${title} (${name}; means of ${of} seeds)\n`);
    for (const line of reportLines(rows)) process.stdout.write(`${line}\n`);
  }
}

function refuse(reason: string): never {
  process.stderr.write(`bench:routing: ${reason}\n`);
  process.exit(EXIT_USAGE);
}
