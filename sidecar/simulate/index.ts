export type { FaultResult, PhaseResult, Result } from "./measure.ts";
export { findPolicy, POLICIES, type PolicyEntry, production } from "./policies.ts";
export { readScenario } from "./read-scenario.ts";
export { type Run, type RunOptions, runScenario } from "./run-scenario.ts";
export type { Scenario } from "./scenario.ts";
export { capacity, DEFAULT_RETRY } from "./scenario.ts";
export { loadScenario, shippedScenarios } from "./scenario-files.ts";
