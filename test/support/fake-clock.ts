import type { Cancel, Clock } from "../../xds/common/clock.ts";

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that moves only when told to. Timers fire in due order, each seeing `now` at its own due time. */
export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #wallOffset: number;
  readonly #timers = new Set<Timer>();

  constructor(wallOffset = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = wallOffset;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  after(delayMs: number, fire: () => void): Cancel {
    const timer = { due: this.#now + Math.max(0, delayMs), order: this.#order++, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait: 0 after a clean shutdown. */
  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) {
        if (timer.due > until) continue;
        if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order))
          next = timer;
      }
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.due;
      next.fire();
    }
    this.#now = until;
  }
}
