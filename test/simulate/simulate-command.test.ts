import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { type SimulateArguments, simulateCommand } from "../../sidecar/simulate/index.ts";

const directory = mkdtempSync(join(tmpdir(), "dashpot-simulate-"));
test.after(() => rmSync(directory, { recursive: true }));

function command(args: SimulateArguments): { exit: number; out: string; err: string } {
  let out = "";
  let err = "";
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  const exit = simulateCommand(args, { stdout, stderr });
  return { exit, out, err };
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const small = file(
  "small.yaml",
  `name: small
title: Small & <quick>
duration: 8s
clients: 4
endpoints: [{ count: 4 }]
load: 0.4
faults: [{ kind: slow, speed: 0.2, endpoints: [1], from: 3s, to: 5s }]
`,
);

const failing = file(
  "failing.yaml",
  `name: failing
duration: 8s
clients: 4
endpoints: [{ count: 4 }]
load: 0.4
faults: [{ kind: errors, part: 1, endpoints: [1], from: 3s, to: 5s }]
`,
);

test("without a scenario it says which scenarios and policies there are", () => {
  const { exit, out } = command({ scenario: undefined });
  assert.equal(exit, 0);
  assert.match(out, /two-generations-90 +Ten fast and ten slow endpoints/);
  assert.match(out, /adaptive +adaptive/);
});

test("it prints a table with a row per policy", () => {
  const { exit, out } = command({ scenario: small, policies: ["round_robin", "adaptive"] });
  assert.equal(exit, 0);
  assert.match(out, /policy +failed tries .*\nround robin +\d.*\nadaptive \(Dashpot\) +\d/);
  assert.match(out, /back: after the fault, until/);
});

test("beside a fault it tells of the phases that the scenario names", () => {
  const text = readFileSync(small, "utf8");
  const phased = file("phased.yaml", `${text}phases: [{ name: early, to: 3s }, { name: late, from: 5s }]\n`);
  const { out } = command({ scenario: phased, policies: ["random", "random"], seeds: "1,2,1" });
  assert.match(out, /p99 \/ p99\.9, failed requests +early +late\nrandom +\d+ \/ \d+, 0\.00 % /);
  assert.match(out, /Means of 2 seeds/);
});

test("it prints one JSON object with every policy and seed", () => {
  const { out } = command({ scenario: small, policies: ["random"], seeds: "1,2", json: true });
  const { scenario, runs } = JSON.parse(out);
  assert.equal(scenario, "small");
  assert.deepEqual(
    runs.map(({ policy, seed }: { policy: string; seed: number }) => [policy, seed]),
    [
      ["random", 1],
      ["random", 2],
    ],
  );
});

test("the picture shows shares, queues and p99 of each policy, says what it is of, and every name is escaped", () => {
  const svg = join(directory, "picture.svg");
  assert.equal(command({ scenario: small, policies: ["c3", "adaptive"], svg }).exit, 0);
  const picture = readFileSync(svg, "utf8");
  for (const words of ["share of tries", "requests waiting or served", "p99 latency"]) {
    assert.equal(picture.split(words).length, 3, words);
  }
  assert.match(picture, /Small &amp; &lt;quick&gt;/);
  assert.match(picture, /\d+ sidecars, \d+ endpoints, [\d,]+ requests\/s, no retries/);
  assert.match(picture, /p99 \d+ ms, 0 requests failed/);
  assert.doesNotMatch(picture, /NaN|Infinity|undefined/);
});

test("the picture leaves out what nothing happened to, and shades the fault and names it", () => {
  const svg = join(directory, "fault.svg");
  const draw = (): string => {
    assert.equal(command({ scenario: failing, policies: ["random", "c3"], svg }).exit, 0);
    return readFileSync(svg, "utf8");
  };
  const picture = draw();
  assert.doesNotMatch(picture, /learned weight/);
  assert.equal(picture.split("failed requests, %").length, 3);
  assert.match(picture, /the fault: answers 100 % of its requests with 500/);
  assert.match(picture, /1 endpoint, faulty/);
  assert.match(picture, /during the fault: p99/);
  assert.equal(draw(), picture, "the same seed draws the same picture");
});

test("wrong names and files are told apart by exit code, and say what would be right", () => {
  const policy = command({ scenario: small, policies: ["adaptiv"] });
  assert.equal(policy.exit, 2);
  assert.match(policy.err, /there is no policy "adaptiv" \(did you mean "adaptive"\?\)/);
  assert.equal(command({ scenario: "spares" }).exit, 2);
  assert.match(command({ scenario: "spares" }).err, /did you mean "sparse"/);
  assert.equal(command({ scenario: small, seeds: "1,,2" }).exit, 2);
  const wrong = command({ scenario: file("wrong.yaml", "name: x\nduration: 5s\nendpoints: []\n") });
  assert.equal(wrong.exit, 3);
  assert.match(wrong.err, /wrong\.yaml:3:1 endpoints: must list one endpoint or more/);
  assert.equal(
    command({ scenario: small, policies: ["random"], svg: join(directory, "no", "p.svg") }).exit,
    1,
  );
});
