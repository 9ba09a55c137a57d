import { measure, type Result } from "./measure.ts";
import type { PolicyEntry } from "./policies.ts";
import type { Recording } from "./recording.ts";
import type { Scenario } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

export interface RunOptions {
  readonly policy: PolicyEntry;
  /** Any integer; the same seed gives the same run. */
  readonly seed: number;
}

export interface Run {
  readonly recording: Recording;
  readonly result: Result;
}

export function runScenario(scenario: Scenario, { policy, seed }: RunOptions): Run {
  const recording = new Simulation(scenario, policy, seed).run();
  return { recording, result: measure(recording) };
}
