import type { Slot } from "../../balancing/balancer.ts";
import { isFailure, type Outcome } from "../../balancing/outcome.ts";
import type { PolicySources, SimulatedReport } from "../simulated-policy.ts";
import { lowest, Peer } from "./peer.ts";

/** Weight of a new sample, as in the authors' simulator. */
const ALPHA = 0.9;
const QUEUE_EXPONENT = 3;

export interface C3Options {
  /** Five consecutive failures take an endpoint out, for 1 s, as clients around C3 do it. */
  readonly breaks?: boolean;
  /** Servers do not tell how long an answer took without its queue, as hardly any can: it is estimated from latency and queue. */
  readonly estimates?: boolean;
}

/**
 * C3's replica ranking (Suresh et al., NSDI 2015), without its rate control: response time, plus the cube of the expected
 * queue times service time. It counts its own outstanding requests once for every client, because all others are expected to do
 * the same. It takes failures for answers, as published.
 */
export class C3 extends Peer {
  #response: number[] = [];
  #service: number[] = [];
  #queue: number[] = [];
  /** What the last report said of the queue, per core. */
  #queued: number[] = [];
  readonly #options: C3Options;
  #inARow: number[] = [];
  #shutUntil: number[] = [];

  constructor(sources: PolicySources, options: C3Options) {
    super(sources);
    this.#options = options;
  }

  protected grow(slots: number): void {
    while (this.#response.length < slots) {
      this.#response.push(Number.NaN);
      this.#service.push(Number.NaN);
      this.#queue.push(0);
      this.#queued.push(1);
      this.#inARow.push(0);
      this.#shutUntil.push(0);
    }
  }

  protected choose(candidates: readonly Slot[], now: number): Slot {
    return lowest(candidates, this.sources.random(), (slot) =>
      this.#shutUntil[slot]! > now ? Number.MAX_VALUE : this.#score(slot),
    );
  }

  protected override onAnswer(slot: Slot, latencyMs: number, outcome: Outcome, now: number): void {
    this.#response[slot] = blend(this.#response[slot]!, latencyMs);
    if (this.#options.estimates)
      this.#service[slot] = blend(this.#service[slot]!, latencyMs / this.#queued[slot]!);
    if (!this.#options.breaks) return;
    if (!isFailure(outcome)) this.#inARow[slot] = 0;
    else if (++this.#inARow[slot]! >= 5) this.#shutUntil[slot] = now + 1_000;
  }

  override onLoadReport(slot: Slot, report: SimulatedReport): void {
    this.#queue[slot] = blend(this.#queue[slot]!, report.rif);
    this.#queued[slot] = Math.max(1, (report.rif + 1) / report.cores);
    if (!this.#options.estimates) this.#service[slot] = blend(this.#service[slot]!, report.serviceMs);
  }

  #score(slot: Slot): number {
    const service = this.#service[slot]!;
    const response = this.#response[slot]!;
    const queue = 1 + this.inFlight[slot]! * this.sources.clients + this.#queue[slot]!;
    if (Number.isNaN(response)) return this.inFlight[slot]! * 1e6;
    if (Number.isNaN(service)) return response + queue ** QUEUE_EXPONENT;
    return response - service + queue ** QUEUE_EXPONENT * service;
  }
}

function blend(old: number, sample: number): number {
  return Number.isNaN(old) ? sample : old * (1 - ALPHA) + sample * ALPHA;
}
