import type { ClusterLoadAssignment } from "../../../xds/model/endpoint.ts";
import { NO_SLOT, type PickRequest, type Slot, type Ticket } from "../../balancing/balancer.ts";
import { type Evidence, PICK_REASON } from "../../balancing/evidence.ts";
import type { Outcome } from "../../balancing/outcome.ts";
import { addressOf, indexOf } from "../mesh.ts";
import type { PolicySources, SimulatedPolicy, SimulatedReport } from "../simulated-policy.ts";

/** An attempt under way. */
interface Attempt {
  readonly slot: Slot;
  readonly startedAt: number;
}

/**
 * What policies that are here for comparison only have in common. Their slots are the endpoints' indexes in the scenario, so
 * they keep what they learned of an endpoint that leaves and returns. Of priorities they know nothing.
 */
export abstract class Peer implements SimulatedPolicy {
  protected readonly sources: PolicySources;
  /** Own attempts under way, by slot. */
  protected inFlight: number[] = [];
  protected readonly open = new Map<Ticket, Attempt>();
  /** Slots that may be chosen. */
  protected members: Slot[] = [];
  #lastTicket = 0;

  constructor(sources: PolicySources) {
    this.sources = sources;
  }

  /** Chooses among `candidates`, which has one at least. */
  protected abstract choose(candidates: readonly Slot[], now: number): Slot;
  protected abstract grow(slots: number): void;
  protected onAnswer(_slot: Slot, _latencyMs: number, _outcome: Outcome, _now: number): void {}
  protected onSend(_slot: Slot, _now: number): void {}

  update(assignment: ClusterLoadAssignment): void {
    const endpoints = assignment.localities.flatMap((locality) => locality.endpoints);
    this.members = endpoints.filter(({ health }) => health === "healthy").map(({ host }) => indexOf(host));
    const slots = Math.max(this.inFlight.length, ...this.members.map((slot) => slot + 1));
    while (this.inFlight.length < slots) this.inFlight.push(0);
    this.grow(slots);
  }

  address(slot: Slot): string {
    return addressOf(slot);
  }

  pick(request: PickRequest, evidence: Evidence): Slot {
    evidence.clear();
    evidence.reason = PICK_REASON.lowestScore;
    let candidates: readonly Slot[] = this.members;
    if (request.tried.length > 0) {
      const untried = candidates.filter((slot) => !request.tried.includes(slot));
      if (untried.length > 0) candidates = untried;
    }
    return candidates.length === 0 ? NO_SLOT : this.choose(candidates, this.sources.clock.now());
  }

  onStart(slot: Slot): Ticket {
    const now = this.sources.clock.now();
    const ticket = ++this.#lastTicket;
    this.open.set(ticket, { slot, startedAt: now });
    this.inFlight[slot]!++;
    this.onSend(slot, now);
    return ticket;
  }

  onResponse(_ticket: Ticket): void {}

  onEnd(ticket: Ticket, outcome: Outcome): void {
    const attempt = this.open.get(ticket);
    if (!attempt) return;
    this.open.delete(ticket);
    this.inFlight[attempt.slot]!--;
    const now = this.sources.clock.now();
    this.onAnswer(attempt.slot, now - attempt.startedAt, outcome, now);
  }

  onLoadReport(_slot: Slot, _report: SimulatedReport): void {}

  tick(): number {
    return 1_000;
  }
}

/** The candidate with the lowest score; among equals the first from a random place on. */
export function lowest(candidates: readonly Slot[], start: number, score: (slot: Slot) => number): Slot {
  const count = candidates.length;
  let at = Math.floor(start * count);
  let best = candidates[at]!;
  let bestScore = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const slot = candidates[at]!;
    const value = score(slot);
    if (value < bestScore) {
      best = slot;
      bestScore = value;
    }
    if (++at === count) at = 0;
  }
  return best;
}
