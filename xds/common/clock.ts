/** Cancels a timer; calling it twice, or after the timer fired, does nothing. */
export type Cancel = () => void;

/**
 * Time as a parameter: everything that decides takes a Clock, so that tests and the simulator move it by hand.
 *
 * `now` is monotonic and never jumps with the wall clock, so timers, averages and token buckets survive an NTP step.
 * `wall` is for people only: log lines, span timestamps, certificates.
 */
export interface Clock {
  /** Monotonic milliseconds, with a fraction. */
  now(): number;
  /** Milliseconds since the Unix epoch. */
  wall(): number;
  /** Calls `fire` once, `delayMs` from now. A pending timer never keeps the process alive. */
  after(delayMs: number, fire: () => void): Cancel;
}

/** setTimeout keeps delays in 32 bits and fires at once when they overflow; longer ones are cut to this. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(Math.max(0, delayMs), LONGEST_DELAY_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
