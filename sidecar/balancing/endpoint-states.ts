import type { SlowStart } from "../../xds/model/cluster.ts";
import type { BalancerEvent, EndpointState, Slot } from "./balancer.ts";
import { ENDPOINT_STATES } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";

export const STATE = Object.freeze({ healthy: 0, suspect: 1, ejected: 2, probation: 3, slowStart: 4 });

/** A flapping endpoint is reported as suspected at most this often, ms. */
const SUSPICION_EVENT_MS = 1_000;

export type Report = (kind: BalancerEvent["kind"], slot: Slot, reason: string, durationMs: number) => void;

/** How an endpoint comes back when its ejection is over. */
export interface Return {
  /** True: by one trial request at a time; false: at once, at full weight (Envoy). */
  readonly halfOpen: boolean;
  readonly slowStart: SlowStart | undefined;
}

/**
 * The states an endpoint goes through:
 *
 * healthy -> suspect (an attempt failed; still in the choice) -> ejected (for a time) -> probation (one trial at a time)
 * -> slow start (weight grows) -> healthy. A failed trial ejects again; a success ends suspicion.
 */
export class EndpointStates implements Columns {
  state = new Int32Array(0);
  ejectedUntil = new Float64Array(0);
  /** Ejections in a row: what the length of the next one grows with. */
  ejections = new Int32Array(0);
  /** 1: the last connection was refused. */
  refusing = new Int32Array(0);
  /** Endpoints out of the choice: ejected or on probation. */
  out = 0;
  readonly probation: Slot[] = [];
  /** Set when the choice must be made anew. */
  changed = true;
  #slowStartAt = new Float64Array(0);
  #windowMs = new Float64Array(0);
  #suspectedAt = new Float64Array(0);
  #slowStarting = 0;
  #refusalsChanged = false;
  #return: Return = { halfOpen: true, slowStart: undefined };
  #fresh: SlowStart | undefined;
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** How endpoints come back and begin from now on. Ejections stay; who waits for a trial that is not given any more is admitted. */
  configure(way: Return, fresh: SlowStart | undefined, now: number): void {
    this.#return = way;
    this.#fresh = fresh;
    if (way.halfOpen) return;
    for (const slot of this.probation.slice()) this.admit(slot, now, "endpoints return without a trial now");
  }

  grow(capacity: number): void {
    this.state = grownIntegers(this.state, capacity);
    this.ejectedUntil = grownFloats(this.ejectedUntil, capacity);
    this.ejections = grownIntegers(this.ejections, capacity);
    this.refusing = grownIntegers(this.refusing, capacity);
    this.#slowStartAt = grownFloats(this.#slowStartAt, capacity);
    this.#windowMs = grownFloats(this.#windowMs, capacity);
    this.#suspectedAt = grownFloats(this.#suspectedAt, capacity);
  }

  clear(slot: Slot): void {
    this.#leave(slot);
    this.state[slot] = STATE.healthy;
    this.ejectedUntil[slot] = 0;
    this.ejections[slot] = 0;
    this.refusing[slot] = 0;
    this.#suspectedAt[slot] = Number.NEGATIVE_INFINITY;
  }

  name(slot: Slot): EndpointState {
    return ENDPOINT_STATES[this.state[slot]!]!;
  }

  isOut(slot: Slot): boolean {
    const state = this.state[slot]!;
    return state === STATE.ejected || state === STATE.probation;
  }

  /** A connection was refused, or an attempt was answered. Acts on the shares of priorities with the next tick, so that it costs the choice little. */
  setRefusing(slot: Slot, refusing: boolean): void {
    const value = refusing ? 1 : 0;
    if (this.refusing[slot] === value) return;
    this.refusing[slot] = value;
    this.#refusalsChanged = true;
  }

  suspect(slot: Slot, now: number, reason: string): void {
    const state = this.state[slot]!;
    if (state !== STATE.healthy) return;
    this.state[slot] = STATE.suspect;
    if (now - this.#suspectedAt[slot]! < SUSPICION_EVENT_MS) return;
    this.#suspectedAt[slot] = now;
    this.#report("suspected", slot, reason, 0);
  }

  clearSuspicion(slot: Slot): void {
    if (this.state[slot] === STATE.suspect) this.state[slot] = STATE.healthy;
  }

  eject(slot: Slot, now: number, durationMs: number, reason: string): void {
    this.#leave(slot);
    this.state[slot] = STATE.ejected;
    this.out++;
    this.ejectedUntil[slot] = now + durationMs;
    this.ejections[slot]!++;
    this.changed = true;
    this.#report("ejected", slot, reason, durationMs);
  }

  /** Back into the choice, through slow start where there is one. */
  admit(slot: Slot, now: number, reason: string): void {
    this.#leave(slot);
    this.changed = true;
    this.startSlowly(slot, now, this.#return.slowStart);
    this.#report("returned", slot, reason, 0);
  }

  /** Begins slow start as for a new endpoint, or with the given curve. */
  startSlowly(slot: Slot, now: number, curve: SlowStart | undefined = this.#fresh): void {
    this.#leave(slot);
    this.setRefusing(slot, false);
    this.state[slot] = STATE.healthy;
    if (curve === undefined || curve.windowMs <= 0) return;
    this.state[slot] = STATE.slowStart;
    this.#slowStartAt[slot] = now;
    this.#windowMs[slot] = curve === this.#fresh ? curve.windowMs : -curve.windowMs;
    this.#slowStarting++;
    this.changed = true;
  }

  /** Part of its weight that an endpoint has during slow start, 0..1; 1 otherwise. */
  factor(slot: Slot, now: number): number {
    if (this.state[slot] !== STATE.slowStart) return 1;
    const curve = this.#windowMs[slot]! > 0 ? this.#fresh : this.#return.slowStart;
    if (curve === undefined) return 1;
    const grown = (Math.max(1, now - this.#slowStartAt[slot]!) / curve.windowMs) ** (1 / curve.aggression);
    return Math.min(1, Math.max(curve.minWeight, grown));
  }

  /** Whether weights move by themselves just now. */
  get moving(): boolean {
    return this.#slowStarting > 0;
  }

  /** Ends what is over: ejections and slow starts among the first `count` of `members`. */
  advance(members: Int32Array, count: number, now: number): void {
    if (this.#refusalsChanged) this.changed = true;
    this.#refusalsChanged = false;
    if (this.out === this.probation.length && this.#slowStarting === 0) return;
    for (let i = 0; i < count; i++) {
      const slot = members[i]!;
      const state = this.state[slot]!;
      if (state === STATE.slowStart && now - this.#slowStartAt[slot]! >= Math.abs(this.#windowMs[slot]!)) {
        this.#slowStarting--;
        this.state[slot] = STATE.healthy;
      } else if (state === STATE.ejected && now >= this.ejectedUntil[slot]!) {
        if (!this.#return.halfOpen) this.admit(slot, now, "ejection time is over");
        else {
          this.state[slot] = STATE.probation;
          this.probation.push(slot);
          this.changed = true;
          this.#report("probation", slot, "ejection time is over; one trial request at a time", 0);
        }
      }
    }
  }

  /** The slot's bookkeeping in lists and counts ends; its state is about to be set anew. */
  #leave(slot: Slot): void {
    const state = this.state[slot]!;
    if (state === STATE.ejected || state === STATE.probation) this.out--;
    if (state === STATE.probation) this.probation.splice(this.probation.indexOf(slot), 1);
    if (state === STATE.slowStart) this.#slowStarting--;
    if (state !== STATE.healthy) this.changed = true;
    this.state[slot] = STATE.healthy;
  }

  /** The endpoint left the assignment: it counts nowhere any more. */
  forget(slot: Slot): void {
    this.#leave(slot);
  }
}
