import type { Slot } from "./balancer.ts";
import type { Outcome } from "./outcome.ts";

/** Decides which endpoints are ejected. Told of each end after the estimates took it. */
export interface Detection {
  onEnd(slot: Slot, outcome: Outcome, now: number): void;
  /** An endpoint on probation had its trial: it goes on to slow start, or is ejected again. */
  tick(now: number): void;
  /** Forgets what it keeps of a slot. */
  clear(slot: Slot): void;
  grow(capacity: number): void;
}
