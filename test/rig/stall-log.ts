const LOOK_MS = 5;
/** Later than this, a timer says that the process did not run. */
const STALL_MS = 25;
/** Requests that began so long before a stall were under way in it. */
const BEFORE_MS = 300;
/** Arrivals pile up in a stall; at 70 % load the pile is gone after 7/3 of the stall's length. */
const DRAIN = 3;
const AFTER_MS = 100;

/**
 * Remembers when this process stood still, because the machine had other things to do: what was measured then is neither the
 * sidecar's doing nor the simulator's, and is left out on both sides.
 */
export class StallLog {
  readonly #beginning: number;
  readonly #stalls: { readonly fromMs: number; readonly toMs: number }[] = [];
  #timer: NodeJS.Timeout;

  /** Times are taken from `beginning`, on the monotonic clock. */
  constructor(beginning: number) {
    this.#beginning = beginning;
    this.#timer = this.#look();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  get count(): number {
    return this.#stalls.length;
  }

  /** How long in all, ms. */
  get totalMs(): number {
    return this.#stalls.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  }

  /** Whether a request that began then was touched by a stall. */
  touches(startedAt: number): boolean {
    return this.#stalls.some(
      ({ fromMs, toMs }) =>
        startedAt >= fromMs - BEFORE_MS && startedAt <= toMs + DRAIN * (toMs - fromMs) + AFTER_MS,
    );
  }

  #look(): NodeJS.Timeout {
    const due = performance.now() + LOOK_MS;
    return setTimeout(() => {
      const now = performance.now();
      if (now - due > STALL_MS)
        this.#stalls.push({ fromMs: due - this.#beginning, toMs: now - this.#beginning });
      this.#timer = this.#look();
    }, LOOK_MS);
  }
}
