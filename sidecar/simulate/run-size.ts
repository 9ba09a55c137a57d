import type { Problems } from "../../xds/common/problem.ts";
import { BIN_MS } from "./recording.ts";
import type { Scenario } from "./scenario.ts";

interface Bound {
  /** How many the scenario has. */
  readonly count: (scenario: Scenario) => number;
  readonly most: number;
  readonly of: string;
  readonly remedy: string;
}

/** What one run may cost: minutes of time, and a gigabyte of memory. */
const BOUNDS: readonly Bound[] = [
  { count: requests, most: 5_000_000, of: "requests", remedy: "lower rate, load or duration" },
  {
    count: ({ clients, endpoints }) => clients * endpoints.length,
    most: 500_000,
    of: "pairs of a sidecar and an endpoint",
    remedy: "lower clients or endpoints",
  },
  {
    count: ({ durationMs, endpoints }) => (durationMs / BIN_MS) * endpoints.length,
    most: 20_000_000,
    of: "counts of an endpoint in a tenth of a second",
    remedy: "lower duration or endpoints",
  },
  {
    count: turns,
    most: 1_000_000,
    of: "comings and goings of faults",
    remedy: "raise every, or name fewer endpoints",
  },
  { count: probes, most: 5_000_000, of: "health checks", remedy: "raise health_check.interval" },
];

/** Refuses a scenario that one process could not run in reasonable time, with what is too large and how large it may be. */
export function checkRunSize(scenario: Scenario, problems: Problems): void {
  for (const { count, most, of, remedy } of BOUNDS) {
    const wanted = Math.round(count(scenario));
    if (wanted <= most) continue;
    problems.error("", `the run would have ${wanted} ${of}, at most ${most} are allowed: ${remedy}`);
  }
}

/** Expected requests of the whole run. */
export function requests({ rates, durationMs }: Scenario): number {
  return rates.reduce((sum, { fromMs, perSecond }, index) => {
    const toMs = rates[index + 1]?.fromMs ?? durationMs;
    return sum + ((toMs - fromMs) * perSecond) / 1_000;
  }, 0);
}

function turns({ faults }: Scenario): number {
  return faults.reduce((sum, { fromMs, toMs, repeat, endpoints }) => {
    const times = repeat ? (toMs - fromMs) / repeat.everyMs : 1;
    return sum + 2 * times * endpoints.length;
  }, 0);
}

function probes({ healthCheck, clients, endpoints, durationMs }: Scenario): number {
  return healthCheck ? (clients * endpoints.length * durationMs) / healthCheck.intervalMs : 0;
}
