import { type FaultResult, measureFault } from "./fault-result.ts";
import { latenciesIn, quantile } from "./latencies.ts";
import type { Recording } from "./recording.ts";
import type { Phase } from "./scenario.ts";
import { countTries } from "./shares.ts";

export interface PhaseResult {
  readonly name: string;
  /** Latency of answered requests that started in the phase, from their intended start, ms. NaN: none was answered. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly tries: number;
  readonly failedTries: number;
  /** Jain's index of share over speed: 1 when every endpoint gets what its speed asks for. */
  readonly jain: number;
}

export interface Result {
  readonly scenario: string;
  readonly policy: string;
  readonly seed: number;
  readonly phases: readonly PhaseResult[];
  readonly fault: FaultResult | undefined;
  /** Probes per request. */
  readonly probes: number;
}

/** What the recording comes to. */
export function measure(recording: Recording): Result {
  const { scenario } = recording;
  return {
    scenario: scenario.name,
    policy: recording.policy,
    seed: recording.seed,
    phases: scenario.phases.map((phase) => measurePhase(recording, phase)),
    fault: measureFault(recording),
    probes: recording.probes / Math.max(1, recording.requests),
  };
}

function measurePhase(recording: Recording, phase: Phase): PhaseResult {
  const { scenario } = recording;
  const { latencies, requests } = latenciesIn(recording, phase.fromMs, phase.toMs);
  const shares = scenario.endpoints.map((_, endpoint) => {
    const { tries } = countTries(recording, phase.fromMs, phase.toMs, [endpoint]);
    return tries / scenario.endpoints[endpoint]!.speed;
  });
  const all = scenario.endpoints.map((_, endpoint) => endpoint);
  const { tries, failed } = countTries(recording, phase.fromMs, phase.toMs, all);
  return {
    name: phase.name,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    p999: quantile(latencies, 0.999),
    requests,
    failedRequests: requests - latencies.length,
    tries,
    failedTries: failed,
    jain: jain(shares),
  };
}

/** Jain, Chiu, Hawe 1984: (sum x)^2 / (n sum x^2). */
function jain(values: readonly number[]): number {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}
