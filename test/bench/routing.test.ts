import assert from "node:assert/strict";
import test from "node:test";
import { findPolicy, shippedScenarios } from "../../sidecar/simulate/index.ts";
import { jobsOf, POLICIES, SCENARIOS } from "./routing/line-up.ts";
import { renderPage } from "./routing/page.ts";

test("the benchmark runs every shipped scenario, and policies that there are", () => {
  assert.deepEqual(SCENARIOS.map(({ name }) => name).toSorted(), shippedScenarios());
  for (const { policy } of jobsOf(SCENARIOS, undefined, [1])) assert.ok(findPolicy(policy), policy);
});

test("broken off at any time, the first seeds are whole", () => {
  const seeds = jobsOf(SCENARIOS, POLICIES, [4, 9]).map(({ seed }) => seed);
  assert.deepEqual(seeds, seeds.toSorted());
});

test("the page has a table for each scenario, also before anything has run", () => {
  const page = renderPage([], SCENARIOS, [1, 2]);
  for (const { letter } of SCENARIOS) assert.match(page, new RegExp(`^## ${letter}: `, "m"));
  assert.doesNotMatch(page, /undefined|NaN/);
});
