import type { Random } from "../../../xds/common/random.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import { grownFloats } from "../column.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { type Evidence, PICK_REASON } from "../evidence.ts";
import type { InFlight } from "../in-flight.ts";
import type { LoadTable } from "../load-table.ts";
import { OUTCOME, type Outcome } from "../outcome.ts";
import { type Chooser, isTried, type Policy, untried } from "./policy.ts";

export interface PeakEwmaOptions {
  readonly decayMs: number;
  readonly defaultRttMs: number;
  readonly choiceCount: number;
}

/** What a failed attempt is recorded as, so that failing fast attracts nobody (Linkerd's load biaser), ms. */
const FAILURE_MS = 5_000;

/**
 * Peak EWMA as in Finagle and Linkerd: a slower answer counts at once, a faster one by and by; load is that time, aged
 * toward 0, times (in flight + 1) over weight. The least loaded of `choiceCount` draws wins.
 */
export class PeakEwma implements Policy {
  readonly #options: PeakEwmaOptions;
  readonly #inFlight: InFlight;
  readonly #weights: () => Float64Array;
  readonly #random: Random;
  #rtt = new Float64Array(0);
  #at = new Float64Array(0);

  constructor(options: PeakEwmaOptions, table: LoadTable) {
    this.#options = options;
    this.#inFlight = table.inFlight;
    this.#weights = () => table.weights.effective;
    this.#random = table.random;
  }

  grow(capacity: number): void {
    this.#rtt = grownFloats(this.#rtt, capacity);
    this.#at = grownFloats(this.#at, capacity);
  }

  clear(slot: Slot): void {
    this.#rtt[slot] = Number.NaN;
    this.#at[slot] = 0;
  }

  onEnd(slot: Slot, outcome: Outcome, latencyMs: number, now: number): void {
    const failed = outcome !== OUTCOME.success && outcome !== OUTCOME.cancelled;
    const sample = failed ? Math.max(FAILURE_MS, latencyMs) : latencyMs;
    const rtt = this.#aged(slot, now);
    // A cancelled attempt would have taken at least this long: it can only raise.
    if (outcome === OUTCOME.cancelled && sample < rtt) return;
    const keep = Math.exp(-(now - this.#at[slot]!) / this.#options.decayMs);
    this.#rtt[slot] = sample > rtt ? sample : this.#rtt[slot]! * keep + sample * (1 - keep);
    this.#at[slot] = now;
  }

  load(slot: Slot, now: number): number {
    return (this.#aged(slot, now) * (this.#inFlight.count[slot]! + 1)) / this.#weights()[slot]!;
  }

  chooser(set: EndpointSet): Chooser {
    const random = this.#random;
    const choices = this.#options.choiceCount;
    return {
      choose: (request: PickRequest, now: number, evidence: Evidence): Slot => {
        evidence.reason = PICK_REASON.lowestScore;
        if (set.count === 0) return NO_SLOT;
        let draw = random();
        evidence.draw = draw;
        let best = NO_SLOT;
        let bestLoad = Number.POSITIVE_INFINITY;
        let at = Math.floor(draw * set.count);
        for (let i = 0; i < choices; i++) {
          // Two draws never fall on the same endpoint: the second is taken from the others.
          if (i > 0) {
            draw = random();
            at = (at + 1 + Math.floor(draw * (set.count - 1))) % set.count;
          }
          const slot = set.slots[at]!;
          const load = this.load(slot, now);
          if (load >= bestLoad || isTried(request, slot)) continue;
          best = slot;
          bestLoad = load;
        }
        return best === NO_SLOT ? untried(set, request) : best;
      },
    };
  }

  #aged(slot: Slot, now: number): number {
    if (Number.isNaN(this.#rtt[slot]!)) {
      // The first guess ages like a measurement, so that an endpoint nobody tried is tried.
      this.#rtt[slot] = this.#options.defaultRttMs;
      this.#at[slot] = now;
    }
    return this.#rtt[slot]! * Math.exp(-(now - this.#at[slot]!) / this.#options.decayMs);
  }
}
