import type { Cancel, Clock } from "../common/clock.ts";

export interface Slicing {
  readonly clock: Clock;
  /** How long one slice may hold the event loop, in ms; a single step is never interrupted. */
  readonly sliceMs: number;
  /** Calls back after other work that is due had its turn. */
  readonly defer: (resume: () => void) => void;
}

/**
 * Runs steps to their end in slices, so that reading ten thousand resources does not hold up requests on the same event loop. Small
 * work is finished, and `done` called, before this returns. Returns what abandons the rest.
 */
export function runSliced<T>(steps: Iterator<void, T>, slicing: Slicing, done: (result: T) => void): Cancel {
  const { clock, defer, sliceMs } = slicing;
  let cancelled = false;
  const run = (): void => {
    const until = clock.now() + sliceMs;
    while (!cancelled) {
      const step = steps.next();
      if (step.done) {
        done(step.value);
        return;
      }
      if (clock.now() >= until) {
        defer(run);
        return;
      }
    }
  };
  run();
  return () => {
    cancelled = true;
  };
}
