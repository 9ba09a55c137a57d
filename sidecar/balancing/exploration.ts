import { NO_SLOT, type Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";

/** After a failure an endpoint that nothing was sent to since is tried again after this time, ms, and so many fair turns. */
const RETRIAL_MS = 4_000;
const RETRIAL_TURNS = 30;
/** An endpoint waits for so many times its fair turn before it is tried, and in a small cluster for so many picks ... */
const PATIENCE = 20;
const PATIENCE_PICKS = 400;
/** ... or longer by the square of how many times slower than the mean it is: the dearer the trial, the rarer. */
const COST_EXPONENT = 2;

/**
 * Sees to it that no ready endpoint is forgotten: choosing the best alone would never learn that another has become better.
 * Each pick looks at one endpoint in turn, so that trials cost no scan.
 */
export class Exploration implements Columns {
  readonly #inFlight: InFlight;
  readonly #latency: LatencyEstimates;
  readonly #failures: FailureEstimates;
  readonly #longestPatience: number;
  /** Which pick last went to the endpoint. */
  #lastPick = new Float64Array(0);
  #picks = 0;
  #cursor = 0;

  constructor(inFlight: InFlight, latency: LatencyEstimates, failures: FailureEstimates, floor: number) {
    this.#inFlight = inFlight;
    this.#latency = latency;
    this.#failures = failures;
    this.#longestPatience = floor > 0 ? Math.max(1, 1 / floor) : Number.POSITIVE_INFINITY;
  }

  grow(capacity: number): void {
    this.#lastPick = grownFloats(this.#lastPick, capacity);
  }

  clear(slot: Slot): void {
    this.#lastPick[slot] = this.#picks;
  }

  picked(slot: Slot): void {
    this.#lastPick[slot] = ++this.#picks;
    this.#cursor++;
  }

  /** An endpoint of the set that must be tried now; NO_SLOT mostly. */
  overdue(set: EndpointSet, now: number): Slot {
    const slot = set.slots[this.#cursor % set.count]!;
    if (this.#inFlight.count[slot]! > 0) return NO_SLOT;
    const waited = this.#picks - this.#lastPick[slot]!;
    if (this.#failures.consecutive[slot]! > 0) {
      const due =
        waited > RETRIAL_TURNS * set.count && now - this.#failures.lastFailureAt[slot]! > RETRIAL_MS;
      return due ? slot : NO_SLOT;
    }
    if (waited <= Math.max(PATIENCE * set.count, PATIENCE_PICKS)) return NO_SLOT;
    const slowness = this.#latency.expected(slot, now) / this.#latency.clusterMs;
    return waited > Math.min(this.#longestPatience, slowness ** COST_EXPONENT) * set.count ? slot : NO_SLOT;
  }
}
