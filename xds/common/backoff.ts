import type { Random } from "./random.ts";

/** How long to wait between tries. Pure arithmetic: the owner holds the attempt count and the timer. */
export interface BackoffPolicy {
  /** Delay before the first retry, in ms. */
  readonly baseMs: number;
  /** Growth per attempt, >= 1. */
  readonly factor: number;
  /** Ceiling, in ms. */
  readonly maxMs: number;
  /** Part of the delay left to chance, 0 (none) to 1 (full jitter: anything from 0 to the delay). */
  readonly jitter: number;
}

/** The delay before retry number `attempt` (0 for the first), in ms. */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: Random): number {
  const full = Math.min(policy.maxMs, policy.baseMs * policy.factor ** Math.min(attempt, 64));
  return full * (1 - policy.jitter * random());
}
