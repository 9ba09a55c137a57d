import type { Random } from "../../xds/common/random.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Fault, Listing, Scenario } from "./scenario.ts";
import type { Server } from "./server.ts";

/** A warm-up is a stair of so many steps. */
const WARM_UP_STEPS = 20;

interface Process {
  readonly fault: Fault;
  readonly endpoint: number;
  active: boolean;
  endsAt: number;
  nextAt: number;
  step: number;
  stepMs: number;
}

/** Turns faults on and off: one process per fault and endpoint, moved on by events of one kind. */
export class FaultSchedule {
  readonly #processes: Process[] = [];
  readonly #byEndpoint: Process[][];
  readonly #queue: EventQueue;
  readonly #eventKind: number;
  readonly #random: Random;

  constructor(scenario: Scenario, queue: EventQueue, eventKind: number, random: Random) {
    this.#queue = queue;
    this.#eventKind = eventKind;
    this.#random = random;
    this.#byEndpoint = scenario.endpoints.map(() => []);
    for (const fault of scenario.faults) for (const endpoint of fault.endpoints) this.#begin(fault, endpoint);
  }

  /** Moves a process on. Returns its endpoint; the caller applies the faults to it. */
  advance(index: number, now: number): number {
    const process = this.#processes[index]!;
    if (!process.active) this.#turnOn(process, now);
    else if (now < process.endsAt) process.step++;
    else process.active = false;
    this.#scheduleNext(process, index, now);
    return process.endpoint;
  }

  /** Sets on the server what all faults of its endpoint together make of it, and says how the control plane lists it. */
  apply(endpoint: number, server: Server): Listing {
    server.speedFactor = 1;
    server.failingPart = 0;
    server.pushesBackFrom = Number.POSITIVE_INFINITY;
    server.refuses = false;
    server.swallows = false;
    let listing: Listing = "healthy";
    for (const { fault, active, step } of this.#byEndpoint[endpoint]!) {
      if (!active) continue;
      const effect = fault.effect;
      if (effect.kind === "slow") server.speedFactor *= effect.speed;
      else if (effect.kind === "warm_up")
        server.speedFactor *= effect.speed + ((1 - effect.speed) * step) / WARM_UP_STEPS;
      else if (effect.kind === "errors") {
        server.failingPart = Math.max(server.failingPart, effect.part);
        server.failAfterMs = effect.afterMs;
      } else if (effect.kind === "push_back") {
        server.pushesBackFrom = Math.min(server.pushesBackFrom, effect.limit);
        server.retryAfterMs = effect.retryAfterMs;
      } else if (effect.kind === "refuse") server.refuses = true;
      else if (effect.kind === "black_hole") server.swallows = true;
      else if (effect.kind === "absent") listing = "absent";
      else if (listing === "healthy") listing = "draining";
    }
    return listing;
  }

  #begin(fault: Fault, endpoint: number): void {
    const phase = fault.repeat ? this.#random() * fault.repeat.everyMs : 0;
    const nextAt = fault.fromMs + phase;
    const process = { fault, endpoint, active: false, endsAt: 0, nextAt, step: 0, stepMs: 0 };
    const index = this.#processes.push(process) - 1;
    this.#byEndpoint[endpoint]!.push(process);
    if (nextAt < fault.toMs) this.#queue.add(nextAt, this.#eventKind, index);
  }

  #turnOn(process: Process, now: number): void {
    const { toMs, repeat } = process.fault;
    process.active = true;
    process.step = 0;
    process.endsAt = repeat ? Math.min(toMs, now + this.#jittered(repeat.lengthMs, repeat.jitter)) : toMs;
    process.nextAt = repeat
      ? Math.max(process.endsAt, now + this.#jittered(repeat.everyMs, repeat.jitter))
      : Number.POSITIVE_INFINITY;
    process.stepMs = (process.endsAt - now) / WARM_UP_STEPS;
  }

  #scheduleNext(process: Process, index: number, now: number): void {
    let at = process.nextAt;
    if (process.active) {
      at = process.endsAt;
      if (process.fault.effect.kind === "warm_up") at = Math.min(at, now + process.stepMs);
    } else if (at >= process.fault.toMs) return;
    if (Number.isFinite(at)) this.#queue.add(at, this.#eventKind, index);
  }

  #jittered(ms: number, jitter: number): number {
    return ms * (1 + jitter * (2 * this.#random() - 1));
  }
}
