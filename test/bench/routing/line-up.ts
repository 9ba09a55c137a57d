import type { Job } from "./job.ts";

/** A scenario with the letter that the tables call it by. */
export interface Entry {
  readonly letter: string;
  readonly name: string;
  /** Endpoints fail in it: the peers' remedies run too, and what a retry makes of it. */
  readonly failing?: boolean;
}

export const SCENARIOS: readonly Entry[] = [
  { letter: "A", name: "two-generations-70" },
  { letter: "B", name: "two-generations-90" },
  { letter: "B10", name: "two-generations-90-dense" },
  { letter: "C", name: "pauses-and-antagonists" },
  { letter: "D", name: "errors-fast", failing: true },
  { letter: "D3", name: "errors-partial", failing: true },
  { letter: "E", name: "black-hole", failing: true },
  { letter: "E2", name: "refusal", failing: true },
  { letter: "E3", name: "black-hole-checked", failing: true },
  { letter: "F", name: "slow-endpoint" },
  { letter: "G", name: "sparse" },
  { letter: "H", name: "ramp" },
  { letter: "J", name: "scale-out" },
  { letter: "K", name: "flapping" },
  { letter: "L", name: "lognormal" },
  { letter: "M", name: "bimodal" },
  { letter: "P", name: "push-back", failing: true },
  { letter: "Q", name: "fail-over", failing: true },
  { letter: "R", name: "rolling-restart" },
  { letter: "T", name: "three-generations" },
  { letter: "U", name: "many-endpoints" },
  { letter: "V", name: "many-unequal" },
  { letter: "Z", name: "zones" },
];

export const POLICIES: readonly string[] = [
  "round_robin",
  "round_robin_weighted",
  "random",
  "least_request",
  "peak_ewma",
  "prequal_published",
  "prequal",
  "weighted_round_robin",
  "c3",
  "c3_estimated",
  "d2_relative",
  "inverse_latency",
  "adaptive",
  "adaptive_reports",
  "oracle",
];
const REMEDIES = ["round_robin_od", "least_request_od", "linkerd", "prequal_errors", "c3_breaker"];
const RETRYING = new Set(["adaptive", "adaptive_reports"]);

/** All runs, seed by seed: broken off at any time, the first seeds are whole. */
export function jobsOf(
  scenarios: readonly Entry[],
  policies: readonly string[] | undefined,
  seeds: readonly number[],
): Job[] {
  const jobs: Job[] = [];
  for (const seed of seeds) {
    for (const { name: scenario, failing } of scenarios) {
      for (const policy of policies ?? [...POLICIES, ...(failing ? REMEDIES : [])]) {
        jobs.push({ scenario, policy, seed, retry: false });
        if (failing && RETRYING.has(policy)) jobs.push({ scenario, policy, seed, retry: true });
      }
    }
  }
  return jobs;
}
