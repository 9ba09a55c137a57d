import type { BalancerEvent, PickRequest, Slot } from "./balancer.ts";
import { NO_SLOT } from "./balancer.ts";
import { Eligibility, type EligibilityOptions } from "./eligibility.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { EVIDENCE_CANDIDATES, type Evidence, PICK_REASON } from "./evidence.ts";
import type { LoadTable } from "./load-table.ts";
import { drawOf } from "./policies/hash-walk.ts";
import type { Chooser, Policy } from "./policies/policy.ts";
import { Trials } from "./trials.ts";

/** How a pick comes about: a trial if one is due, else the policy's choice in one of the sets that may be chosen from. */
export class Choice {
  panic = false;
  readonly #table: LoadTable;
  readonly #eligibility: Eligibility;
  readonly #trials: Trials;
  readonly #onPanic: (kind: BalancerEvent["kind"], reason: string) => void;
  #policy: Policy;
  /** They live as long as their sets, and keep what they know while their set is out of use. */
  #choosers = new WeakMap<EndpointSet, Chooser>();
  /** Those of the sets in use, in their order. */
  #chooserAt: Chooser[] = [];
  /** Who made the last proposal, and is told when it is followed. */
  #chosenBy: Chooser | undefined;

  constructor(
    table: LoadTable,
    policy: Policy,
    options: EligibilityOptions,
    onPanic: (kind: BalancerEvent["kind"], reason: string) => void,
  ) {
    this.#table = table;
    this.#policy = policy;
    this.#eligibility = new Eligibility(table, options);
    this.#trials = new Trials(table, this.#eligibility);
    this.#onPanic = onPanic;
  }

  set policy(policy: Policy) {
    this.#policy = policy;
    this.#chosenBy = undefined;
    this.#choosers = new WeakMap();
    this.#table.states.changed = true;
  }

  set options(options: EligibilityOptions) {
    this.#eligibility.options = options;
  }

  /** Weights moved: schedules and tables are made anew at the next pick. */
  reschedule(): void {
    for (const set of this.#eligibility.sets) set.version++;
  }

  /** Takes over what became of the endpoints since the last time. */
  follow(): void {
    const { states } = this.#table;
    if (!states.changed) return;
    states.changed = false;
    this.#eligibility.rebuild();
    this.#chooserAt = this.#eligibility.sets.map((set) => this.#chooserOf(set));
    if (this.#eligibility.panic === this.panic) return;
    this.panic = this.#eligibility.panic;
    if (this.panic)
      this.#onPanic("panic_entered", "too few endpoints are healthy: health and ejections are ignored");
    else this.#onPanic("panic_left", "enough endpoints are healthy again");
  }

  /** Only proposes; `onStart` follows it. */
  propose(request: PickRequest, now: number, evidence: Evidence): Slot {
    this.follow();
    evidence.clear();
    evidence.total = this.#table.roster.count;
    evidence.weightsGeneration = this.#table.controller.generation;
    this.#chosenBy = undefined;
    let slot = this.#trials.next(request);
    if (slot === NO_SLOT) slot = this.#choose(request, now, evidence);
    else {
      evidence.reason = PICK_REASON.probation;
      evidence.eligible = 1;
    }
    if (slot !== NO_SLOT) this.#describe(slot, now, evidence);
    return slot;
  }

  onStart(slot: Slot, now: number): void {
    this.#trials.onStart(slot);
    this.#chosenBy?.onStart?.(slot, now);
    this.#chosenBy = undefined;
  }

  #choose(request: PickRequest, now: number, evidence: Evidence): Slot {
    const { sets } = this.#eligibility;
    if (sets.length === 0) return NO_SLOT;
    let first = 0;
    if (sets.length > 1) {
      const { hash } = request;
      const draw = this.#eligibility.options.byKey && hash ? drawOf(hash) : this.#table.random();
      while (draw >= sets[first]!.upTo) first++;
    }
    for (let i = 0; i < sets.length; i++) {
      const slot = this.#chooseIn((first + i) % sets.length, request, now, evidence);
      if (slot !== NO_SLOT) return slot;
    }
    // All were tried: better one of them again than none.
    return this.#chooseIn(first, { hash: request.hash, tried: [] }, now, evidence);
  }

  #chooseIn(index: number, request: PickRequest, now: number, evidence: Evidence): Slot {
    const set = this.#eligibility.sets[index]!;
    const chooser = this.#chooserAt[index]!;
    this.#chosenBy = chooser;
    const slot = chooser.choose(request, now, evidence);
    evidence.eligible = set.count;
    for (let i = 0; i < set.excluded.length; i++) evidence.excluded[i] = set.excluded[i]!;
    if (set.panic) evidence.reason = PICK_REASON.panic;
    else if (set.count === 1) evidence.reason = PICK_REASON.onlyEligible;
    return slot;
  }

  #chooserOf(set: EndpointSet): Chooser {
    const known = this.#choosers.get(set);
    if (known) return known;
    const chooser = this.#policy.chooser(set);
    this.#choosers.set(set, chooser);
    return chooser;
  }

  /** The numbers of the candidates, as they stood when the pick was made. */
  #describe(slot: Slot, now: number, evidence: Evidence): void {
    const { latency, inFlight, weights, failures } = this.#table;
    if (evidence.count === 0) {
      evidence.count = 1;
      evidence.slots[0] = slot;
      evidence.scores[0] = Number.NaN;
    }
    for (let i = 0; i < evidence.count && i < EVIDENCE_CANDIDATES; i++) {
      const candidate = evidence.slots[i]!;
      evidence.latencyMs[i] = latency.recentMs[candidate]!;
      evidence.inFlight[i] = inFlight.count[candidate]!;
      evidence.weights[i] = weights.effective[candidate]!;
      evidence.errorRates[i] = failures.seenRate(candidate, now);
    }
  }
}
