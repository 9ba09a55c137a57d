import { type LoadReport, NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import type { Evidence } from "../evidence.ts";
import type { Outcome } from "../outcome.ts";

/** Chooses within one set of endpoints; lives as long as the set. */
export interface Chooser {
  /**
   * Only proposes: nothing that a later choice depends on changes, so that asking is free. NO_SLOT when every endpoint of the set was tried. Sets reason,
   * draw and candidates of the evidence. Makes no object.
   */
  choose(request: PickRequest, now: number, evidence: Evidence): Slot;
  /** What it proposed last is done: an attempt to `slot` begins. */
  onStart?(slot: Slot, now: number): void;
}

/** A way to choose. What it learns, beyond what balancing keeps for all policies, it keeps itself, by slot. */
export interface Policy {
  chooser(set: EndpointSet): Chooser;
  /** Room for more slots, and a slot with a new owner. */
  grow?(capacity: number): void;
  clear?(slot: Slot): void;
  onEnd?(slot: Slot, outcome: Outcome, latencyMs: number, now: number): void;
  onLoadReport?(slot: Slot, report: LoadReport, now: number): void;
  /** Called at least once per second; true when weights changed and schedules must be made anew. */
  tick?(now: number): boolean;
}

export function isTried(request: PickRequest, slot: Slot): boolean {
  return request.tried.length !== 0 && request.tried.includes(slot);
}

/** An endpoint of the set that this request has not tried; NO_SLOT when it tried all. */
export function untried(set: EndpointSet, request: PickRequest): Slot {
  for (let i = 0; i < set.count; i++) if (!isTried(request, set.slots[i]!)) return set.slots[i]!;
  return NO_SLOT;
}
