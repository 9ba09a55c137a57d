import type { Cancel, Clock } from "../../xds/common/clock.ts";
import type { EventQueue } from "./event-queue.ts";

/** Simulated runs begin here on the wall, so that two runs print the same times. */
const BEGINNING = Date.UTC(2026, 0, 1);

/** Time that stands still until the next event: the simulation sets it, everything under test reads it. */
export class VirtualClock implements Clock {
  time = 0;
  readonly #queue: EventQueue;
  readonly #timerKind: number;
  readonly #timers = new Map<number, () => void>();
  #lastTimer = 0;

  constructor(queue: EventQueue, timerKind: number) {
    this.#queue = queue;
    this.#timerKind = timerKind;
  }

  now(): number {
    return this.time;
  }

  wall(): number {
    return BEGINNING + this.time;
  }

  after(delayMs: number, fire: () => void): Cancel {
    const id = ++this.#lastTimer;
    this.#timers.set(id, fire);
    this.#queue.add(this.time + Math.max(0, delayMs), this.#timerKind, id);
    return () => this.#timers.delete(id);
  }

  /** A timer event is due. */
  fire(id: number): void {
    const fire = this.#timers.get(id);
    this.#timers.delete(id);
    fire?.();
  }
}
