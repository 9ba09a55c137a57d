import type { Cancel, Clock } from "./clock.ts";

/** Told when its timer is due; never before, and at most one tick of the wheel after. */
export interface Expiring {
  onExpired(): void;
}

/** A timer as part of the object it serves: arming and disarming it allocates nothing. */
export class WheelTimer {
  /** Monotonic ms; Infinity while not armed. */
  due = Number.POSITIVE_INFINITY;
  readonly owner: Expiring;
  slot = -1;
  previous: WheelTimer | undefined = undefined;
  next: WheelTimer | undefined = undefined;

  constructor(owner: Expiring) {
    this.owner = owner;
  }
}

/** A power of two, so that a tick becomes its slot by a mask. One turn takes SLOTS ticks; longer delays wait for their turn. */
const SLOTS = 1024;
/** Woken more ticks late than this, the process itself stood still. */
const STALL_TICKS = 2;

/**
 * All the timeouts of the data path on one timer of the clock (hashed timing wheel, Varghese and Lauck 1987, scheme 6).
 * A timeout is set for every request and almost none ever fires, so setting and clearing must cost a few pointer writes, and
 * being late by a tick does not matter. The clock is armed for the first slot in use, so an idle process sleeps; a wake-up whose
 * timers are gone is left standing, because the next request would want it back.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: (WheelTimer | undefined)[] = new Array(SLOTS).fill(undefined);
  #size = 0;
  /** Every slot up to this tick has been looked at. */
  #done: number;
  #wakeTick = Number.POSITIVE_INFINITY;
  #cancelWake: Cancel | undefined;
  #stalled = false;

  /** @param tickMs how late a timer may fire; default 50. */
  constructor(clock: Clock, tickMs = 50) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#done = Math.floor(clock.now() / tickMs);
  }

  /** Timers that are armed. */
  get size(): number {
    return this.#size;
  }

  /** Arms `timer`, or moves it when it is armed. 0 or less: at the next tick. Infinity disarms. */
  arm(timer: WheelTimer, delayMs: number): void {
    if (timer.slot >= 0) this.disarm(timer);
    if (delayMs === Number.POSITIVE_INFINITY) return;
    const due = this.#clock.now() + Math.max(0, delayMs);
    timer.due = due;
    const tick = Math.max(Math.ceil(due / this.#tickMs), this.#done + 1);
    const slot = tick & (SLOTS - 1);
    const first = this.#slots[slot];
    timer.slot = slot;
    timer.next = first;
    if (first) first.previous = timer;
    this.#slots[slot] = timer;
    this.#size++;
    if (tick < this.#wakeTick) this.#wakeAt(tick);
  }

  disarm(timer: WheelTimer): void {
    if (timer.slot < 0) return;
    const { previous, next } = timer;
    if (previous) previous.next = next;
    else this.#slots[timer.slot] = next;
    if (next) next.previous = previous;
    timer.previous = undefined;
    timer.next = undefined;
    timer.slot = -1;
    timer.due = Number.POSITIVE_INFINITY;
    this.#size--;
  }

  #wakeAt(tick: number): void {
    this.#cancelWake?.();
    this.#wakeTick = tick;
    this.#cancelWake = this.#clock.after(tick * this.#tickMs - this.#clock.now(), () => this.#wake());
  }

  #wake(): void {
    const now = this.#clock.now();
    // After a stall of ours timers come before sockets: what has arrived meanwhile is let in before anything counts as late.
    this.#stalled = !this.#stalled && now / this.#tickMs - this.#wakeTick > STALL_TICKS;
    if (this.#stalled) {
      this.#cancelWake = this.#clock.after(this.#tickMs, () => this.#wake());
      return;
    }
    this.#cancelWake = undefined;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    // The clock may wake us a fraction early; that slot is then looked at again.
    const until = Math.floor(now / this.#tickMs);
    const from = Math.max(this.#done + 1, until - SLOTS + 1);
    this.#done = Math.max(this.#done, until);
    for (let tick = from; tick <= until; tick++) this.#expire(this.#slots[tick & (SLOTS - 1)], now);
    if (this.#size > 0 && this.#wakeTick === Number.POSITIVE_INFINITY) this.#wakeAt(this.#nextTick());
  }

  /** Those that are due leave the slot before any is told, because being told may arm and disarm others. */
  #expire(first: WheelTimer | undefined, now: number): void {
    let due: WheelTimer[] | undefined;
    for (let timer = first; timer; timer = timer.next) {
      if (timer.due > now) continue;
      due ??= [];
      due.push(timer);
    }
    if (!due) return;
    for (const timer of due) {
      if (timer.due > now) continue;
      this.disarm(timer);
      timer.owner.onExpired();
    }
  }

  #nextTick(): number {
    for (let tick = this.#done + 1; tick <= this.#done + SLOTS; tick++) {
      if (this.#slots[tick & (SLOTS - 1)]) return tick;
    }
    return this.#done + SLOTS;
  }
}
