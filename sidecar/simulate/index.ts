export type { FaultResult, PhaseResult, Result } from "./measure.ts";
export { findPolicy, POLICIES, type PolicyEntry, production } from "./policies.ts";
export { readScenario } from "./read-scenario.ts";
export { type Run, type RunOptions, runScenario } from "./run-scenario.ts";
export type { Scenario } from "./scenario.ts";
