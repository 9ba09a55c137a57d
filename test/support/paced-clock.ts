import type { TestContext } from "node:test";
import { FakeClock } from "./fake-clock.ts";

/** How far the clock goes at most in one turn of the event loop. */
const STEP_MS = 2;

/**
 * A clock that keeps real time while the event loop turns freely, and goes slower with it on a machine that is slow or busy: what a
 * test does within a timeout does not depend on how fast it runs.
 */
export class PacedClock extends FakeClock {
  constructor(t: TestContext) {
    super();
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      this.advance(Math.min(now - last, STEP_MS));
      last = now;
    }, 1);
    t.after(() => clearInterval(timer));
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }
}
