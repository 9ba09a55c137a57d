import type { EventQueue } from "./event-queue.ts";
import { EVENT } from "./events.ts";
import type { Scenario } from "./scenario.ts";
import { Workload } from "./workload.ts";

/** When requests come: Poisson, at the scenario's rate of the time, to its end. */
export class Arrivals {
  readonly #scenario: Scenario;
  readonly #queue: EventQueue;
  readonly #workload: Workload;
  #rate = 0;
  /** Of the rate: an arrival that was drawn at another one does not happen. */
  #version = 0;

  constructor(scenario: Scenario, seed: number, queue: EventQueue) {
    this.#scenario = scenario;
    this.#queue = queue;
    this.#workload = new Workload(scenario, seed);
  }

  start(): void {
    for (const [index, { fromMs }] of this.#scenario.rates.entries()) {
      this.#queue.add(fromMs, EVENT.rateChanges, index);
    }
  }

  /** Arrivals have no memory, so a change of rate may simply begin anew. */
  changeRate(now: number, index: number): void {
    this.#rate = this.#scenario.rates[index]!.perSecond;
    this.#version++;
    this.#schedule(now);
  }

  /** The request that arrives now, and the next one is under way; undefined when the rate has changed since. */
  take(now: number, version: number): { client: number; costMs: number } | undefined {
    if (version !== this.#version) return undefined;
    this.#schedule(now);
    return this.#workload.request();
  }

  #schedule(now: number): void {
    if (this.#rate <= 0) return;
    const at = now + this.#workload.interval(this.#rate);
    if (at < this.#scenario.durationMs) this.#queue.add(at, EVENT.requestBegins, this.#version);
  }
}
