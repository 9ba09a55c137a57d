import { NO_SLOT, type PickRequest, type Slot } from "./balancer.ts";
import type { Eligibility } from "./eligibility.ts";
import { type EndpointStates, STATE } from "./endpoint-states.ts";
import type { InFlight } from "./in-flight.ts";
import type { LoadTable } from "./load-table.ts";
import type { Roster } from "./roster.ts";

/** At most every so many attempts is a trial. */
const STARTS_PER_TRIAL = 8;

/** Gives endpoints on probation one request at a time, to see whether they answer again. */
export class Trials {
  readonly #roster: Roster;
  readonly #states: EndpointStates;
  readonly #inFlight: InFlight;
  readonly #eligibility: Eligibility;
  readonly #failedChecks: ReadonlySet<string>;
  #startsSince = STARTS_PER_TRIAL;

  constructor(table: LoadTable, eligibility: Eligibility) {
    this.#roster = table.roster;
    this.#states = table.states;
    this.#inFlight = table.inFlight;
    this.#eligibility = eligibility;
    this.#failedChecks = table.failedChecks;
  }

  onStart(slot: Slot): void {
    if (this.#states.state[slot] === STATE.probation) this.#startsSince = 0;
    else this.#startsSince++;
  }

  /** Whose trial this request may be; NO_SLOT mostly. Never a retry: that one has failed once already. */
  next(request: PickRequest): Slot {
    const waiting = this.#states.probation;
    if (waiting.length === 0 || request.tried.length > 0) return NO_SLOT;
    if (this.#startsSince < STARTS_PER_TRIAL) return NO_SLOT;
    for (const slot of waiting) if (this.#inFlight.count[slot] === 0 && this.#mayBeTried(slot)) return slot;
    return NO_SLOT;
  }

  #mayBeTried(slot: Slot): boolean {
    const health = this.#roster.endpoint(slot)?.health;
    if (health !== "healthy" && health !== "degraded") return false;
    return (
      this.#eligibility.triesPriority(this.#roster.priority(slot)) &&
      !this.#failedChecks.has(this.#roster.address(slot))
    );
  }
}
