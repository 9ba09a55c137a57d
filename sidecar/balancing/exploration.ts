import { NO_SLOT, type Slot } from "./balancer.ts";
import { type Columns, grownFloats } from "./column.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { InFlight } from "./in-flight.ts";

/** After a failure an endpoint that nothing was sent to since is tried again after this time, ms, and so many fair turns. */
const RETRIAL_MS = 4_000;
const RETRIAL_TURNS = 30;

/**
 * Sees to it that no ready endpoint is forgotten: choosing the best alone would never learn that another has become better.
 * Mostly the score does it by itself, because a queue in front of the good ones makes the others worth a try; a trial is for
 * those that never get that far, and is rare, because it sends a request where it is expected to wait.
 * Each pick looks at one endpoint in turn, so that trials cost no scan.
 */
export class Exploration implements Columns {
  readonly #inFlight: InFlight;
  readonly #failures: FailureEstimates;
  /** Fair turns that an endpoint waits before it is tried. */
  readonly #patience: number;
  /** Which pick last went to the endpoint. */
  #lastPick = new Float64Array(0);
  #picks = 0;
  #cursor = 0;

  /** `floor`: least part of its fair share that a ready endpoint gets, 0..0.5; 0: none. */
  constructor(inFlight: InFlight, failures: FailureEstimates, floor: number) {
    this.#inFlight = inFlight;
    this.#failures = failures;
    this.#patience = floor > 0 ? 1 / floor : Number.POSITIVE_INFINITY;
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
    const turns = (this.#picks - this.#lastPick[slot]!) / set.count;
    if (this.#failures.consecutive[slot]! > 0) {
      const due = turns > RETRIAL_TURNS && now - this.#failures.lastFailureAt[slot]! > RETRIAL_MS;
      return due ? slot : NO_SLOT;
    }
    return turns > this.#patience ? slot : NO_SLOT;
  }
}
