import { type Random, seededRandom } from "../../xds/common/random.ts";
import { drawCost, exponential } from "./cost.ts";
import type { Scenario } from "./scenario.ts";

/** Streams of chance, so that requests, costs and faults are the same whatever the policy draws. */
export const STREAM = Object.freeze({
  arrivals: 1,
  costs: 2,
  network: 3,
  faults: 4,
  failures: 5,
  checks: 6,
  clients: 100,
});

/** A stream of chance of a run: the same seed and number give the same draws, in the simulator and outside. */
export function streamOf(seed: number, number: number): Random {
  return seededRandom(seed * 1_000_003 + number);
}

/** The requests of a run: Poisson arrivals, each at a sidecar drawn evenly, with its work. Whoever draws in the same order gets the same. */
export class Workload {
  readonly #scenario: Scenario;
  readonly #arrivals: Random;
  readonly #costs: Random;

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario;
    this.#arrivals = streamOf(seed, STREAM.arrivals);
    this.#costs = streamOf(seed, STREAM.costs);
  }

  /** Ms until the next request at this rate. */
  interval(perSecond: number): number {
    return exponential(1_000 / perSecond, this.#arrivals);
  }

  /** The sidecar that the next request comes to, and its work: draw the interval after it first. */
  request(): { client: number; costMs: number } {
    const client = Math.floor(this.#arrivals() * this.#scenario.clients);
    return { client, costMs: drawCost(this.#scenario.cost, this.#costs) };
  }
}
