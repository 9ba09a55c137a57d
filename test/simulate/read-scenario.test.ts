import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { loadScenario, readScenario, shippedScenarios } from "../../sidecar/simulate/index.ts";

function problems(text: string): string[] {
  const reading = readScenario(text, "mine.yaml");
  if ("scenario" in reading) return [];
  return reading.problems.map(({ line, path, reason }) => `${line} ${path}: ${reason}`);
}

test("every shipped scenario is valid and named as its file", () => {
  const names = shippedScenarios();
  assert.ok(names.length >= 11);
  for (const name of names) {
    const reading = loadScenario(name);
    assert.ok("scenario" in reading, JSON.stringify("problems" in reading && reading.problems));
    assert.equal(reading.scenario.name, name);
  }
});

test("all mistakes of a file are told at once, each with its place and what is allowed", () => {
  const found = problems(
    [
      "name: mine",
      "duration: 10",
      "clints: 3",
      "endpoints:",
      "  - { count: 3, speed: -1 }",
      "faults:",
      "  - { kind: slwo, endpoints: [7] }",
      "  - { kind: refuse, every: 3s }",
    ].join("\n"),
  );
  const expected = [
    /^2 duration: must be a duration such as "250ms"/,
    /^5 endpoints\[0\]\.speed: must be a number from 0\.001 to 1000, not -1/,
    /^7 faults\[0\]\.kind: must be one of slow, .* \(did you mean "slow"\?\)/,
    /^7 faults\[0\]\.endpoints: must be "all" or a list of indexes, each once, from 0 to 2/,
    /^8 faults\[1\]\.length: every and length stand together/,
    /^3 clints: unknown key "clints" \(did you mean "clients"\?\)/,
  ];
  for (const pattern of expected) {
    assert.ok(
      found.some((line) => pattern.test(line)),
      `${pattern} is not in\n${found.join("\n")}`,
    );
  }
});

test("a scenario that would run for ever is refused with the bound", () => {
  const found = problems("name: mine\nduration: 1h\nendpoints: [{ count: 20 }]\nrate: 100000\n");
  assert.match(found.join("\n"), /the run would have 360000000 requests, at most 5000000 are allowed/);
});

test("load is a part of what the endpoints can do together", () => {
  const reading = readScenario(
    "name: mine\nduration: 10s\nendpoints: [{ count: 2, cores: 4, speed: 0.5 }]\nload: 0.5\n",
    "mine.yaml",
  );
  assert.ok("scenario" in reading);
  assert.deepEqual(reading.scenario.rates, [{ fromMs: 0, perSecond: 200 }]);
});

test("what refers to endpoints that are missing or mistyped is not blamed for it", () => {
  const found = problems(
    "name: mine\nduration: 10\nendpoint: [{ count: 3 }]\nfaults: [{ kind: refuse, endpoints: [1], from: 5s }]\n",
  );
  assert.equal(found.length, 3, found.join("\n"));
});

test("a scenario that is too large in any way is refused with what is too large and what would help", () => {
  const wide = problems(
    "name: mine\nduration: 1h\nclients: 10000\nendpoints: [{ count: 10000 }]\nrate: 1\n",
  ).join("\n");
  assert.match(
    wide,
    /100000000 pairs of a sidecar and an endpoint, at most 500000 are allowed: lower clients or endpoints/,
  );
  assert.match(wide, /360000000 counts of an endpoint in a tenth of a second, at most 20000000 are allowed/);
  const busy = problems(
    "name: mine\nduration: 1h\nendpoints: [{ count: 100 }]\nrate: 1\nhealth_check: { interval: 10ms }\nfaults: [{ kind: pause, every: 1ms, length: 1ms }]\n",
  ).join("\n");
  assert.match(busy, /720000000 comings and goings of faults, at most 1000000 are allowed/);
  assert.match(busy, /3600000000 health checks, at most 5000000 are allowed: raise health_check\.interval/);
});

test("the scenario of the documentation is valid", () => {
  const page = readFileSync(new URL("../../docs/simulate.md", import.meta.url), "utf8");
  const [, yaml] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  assert.deepEqual(problems(yaml!), []);
});
