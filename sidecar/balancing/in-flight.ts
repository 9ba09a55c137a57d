import type { Slot, Ticket } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";

const NONE = -1;
/** A ticket is a place in the list and how often that place was used, so that ending one twice harms nobody else's. */
const INDEX_BITS = 22;
const INDEX_MASK = (1 << INDEX_BITS) - 1;
const USE_MASK = 0xff;

/** No ticket: more attempts run at once than tickets exist. Ending it does nothing. */
const NO_TICKET: Ticket = -1;

/**
 * Attempts under way, and per slot a list of the unanswered ones in the order they began, so that the age of the oldest
 * costs one look. An attempt whose answer has begun still counts as in flight, but no longer ages: a long download is
 * not a hung endpoint. At most 4,194,304 attempts at once.
 */
export class InFlight implements Columns {
  count = new Int32Array(0);
  total = 0;
  #oldest = new Int32Array(0);
  #newest = new Int32Array(0);
  #slotOf = new Int32Array(0);
  #previous = new Int32Array(0);
  #next = new Int32Array(0);
  #startedAt = new Float64Array(0);
  #answeredAt = new Float64Array(0);
  #uses = new Int32Array(0);
  #free = NONE;
  #used = 0;

  grow(capacity: number): void {
    const from = this.count.length;
    this.count = grownIntegers(this.count, capacity);
    this.#oldest = grownIntegers(this.#oldest, capacity).fill(NONE, from);
    this.#newest = grownIntegers(this.#newest, capacity).fill(NONE, from);
  }

  clear(slot: Slot): void {
    this.count[slot] = 0;
    this.#oldest[slot] = NONE;
    this.#newest[slot] = NONE;
  }

  start(slot: Slot, now: number): Ticket {
    const index = this.#claim();
    if (index === NONE) return NO_TICKET;
    const last = this.#newest[slot]!;
    this.#slotOf[index] = slot;
    this.#previous[index] = last;
    this.#next[index] = NONE;
    this.#startedAt[index] = now;
    this.#answeredAt[index] = Number.NaN;
    if (last === NONE) this.#oldest[slot] = index;
    else this.#next[last] = index;
    this.#newest[slot] = index;
    this.count[slot]!++;
    this.total++;
    return (this.#uses[index]! << INDEX_BITS) | index;
  }

  /** The place of a ticket that is still open; -1 for one that was used up or never given. */
  place(ticket: Ticket): number {
    if (ticket < 0) return NONE;
    const index = ticket & INDEX_MASK;
    if (index >= this.#used || this.#slotOf[index] === NONE) return NONE;
    return this.#uses[index] === ticket >> INDEX_BITS ? index : NONE;
  }

  slotAt(place: number): Slot {
    return this.#slotOf[place]!;
  }

  startedAt(place: number): number {
    return this.#startedAt[place]!;
  }

  /** NaN until the answer began. */
  answeredAt(place: number): number {
    return this.#answeredAt[place]!;
  }

  answer(place: number, now: number): void {
    if (!Number.isNaN(this.#answeredAt[place]!)) return;
    this.#answeredAt[place] = now;
    this.#unlink(place);
  }

  end(place: number): void {
    if (Number.isNaN(this.#answeredAt[place]!)) this.#unlink(place);
    this.count[this.#slotOf[place]!]!--;
    this.total--;
    this.#slotOf[place] = NONE;
    this.#uses[place] = (this.#uses[place]! + 1) & USE_MASK;
    this.#next[place] = this.#free;
    this.#free = place;
  }

  /** When the oldest unanswered attempt began; NaN when none waits. */
  oldestStart(slot: Slot): number {
    const oldest = this.#oldest[slot]!;
    return oldest === NONE ? Number.NaN : this.#startedAt[oldest]!;
  }

  /** When the second oldest unanswered attempt began; NaN when fewer than two wait. */
  secondOldestStart(slot: Slot): number {
    const oldest = this.#oldest[slot]!;
    const second = oldest === NONE ? NONE : this.#next[oldest]!;
    return second === NONE ? Number.NaN : this.#startedAt[second]!;
  }

  #unlink(place: number): void {
    const slot = this.#slotOf[place]!;
    const previous = this.#previous[place]!;
    const next = this.#next[place]!;
    if (previous === NONE) this.#oldest[slot] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#newest[slot] = previous;
    else this.#previous[next] = previous;
  }

  #claim(): number {
    const place = this.#free;
    if (place !== NONE) {
      this.#free = this.#next[place]!;
      return place;
    }
    if (this.#used === this.#slotOf.length) {
      const capacity = Math.min(INDEX_MASK + 1, Math.max(64, this.#used * 2));
      if (capacity === this.#used) return NONE;
      this.#slotOf = grownIntegers(this.#slotOf, capacity).fill(NONE, this.#used);
      this.#previous = grownIntegers(this.#previous, capacity);
      this.#next = grownIntegers(this.#next, capacity);
      this.#uses = grownIntegers(this.#uses, capacity);
      this.#startedAt = grownFloats(this.#startedAt, capacity);
      this.#answeredAt = grownFloats(this.#answeredAt, capacity);
    }
    return this.#used++;
  }
}
