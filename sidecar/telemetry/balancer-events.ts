import type { BalancerEvent } from "../balancing/balancer.ts";

/** A change of a cluster's state that people ask about later. */
export interface RecordedEvent extends BalancerEvent {
  readonly cluster: string;
  /** Wall time in ms. */
  readonly time: number;
}

/** The newest changes of endpoint states and of weights. Weights change all the time, so they have a list of their own. */
export class BalancerEvents {
  readonly #states: RecordedEvent[] = [];
  readonly #weights: RecordedEvent[] = [];
  readonly #kept: number;

  /** @param kept of either sort. Default 200. */
  constructor(kept = 200) {
    this.#kept = kept;
  }

  add(event: RecordedEvent): void {
    const events = event.kind === "weights_updated" ? this.#weights : this.#states;
    events.push(event);
    if (events.length > this.#kept) events.shift();
  }

  /** Ejections, probations, returns and panics, newest first. */
  states(): RecordedEvent[] {
    return this.#states.toReversed();
  }

  /** Newest first. */
  weights(): RecordedEvent[] {
    return this.#weights.toReversed();
  }
}
