import assert from "node:assert/strict";
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
    /^7 faults\[0\]\.endpoints\[0\]: must be the index of an endpoint, from 0 to 2/,
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
