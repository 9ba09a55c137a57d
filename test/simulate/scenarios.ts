import assert from "node:assert/strict";
import { readScenario, type Scenario } from "../../sidecar/simulate/index.ts";

/** A scenario from the lines of its file; fails the test when it is not valid. */
export function scenario(...lines: readonly string[]): Scenario {
  const reading = readScenario(["name: test", ...lines].join("\n"), "test.yaml");
  if ("scenario" in reading) return reading.scenario;
  return assert.fail(reading.problems.map((problem) => reading.text.render(problem)).join("\n"));
}
