/** What stands in one `LiveSet` at most. */
export interface Member {
  /** Kept by the set; `NOWHERE` while in none. */
  place: number;
}

export const NOWHERE = -1;

/**
 * A set of what comes and goes all the time, such as connections. V8's own `Set` makes a new table every so many additions, and each
 * table refers to the next one: once one of them has got old, all its successors and whatever stood in them stay until a full
 * collection, and each small collection copies them (half of all connections, and pauses of 12 ms at 4,000 new ones a second).
 */
export class LiveSet<T extends Member> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** False: it was not in the set. */
  delete(member: T): boolean {
    const { place } = member;
    if (place === NOWHERE) return false;
    member.place = NOWHERE;
    const last = this.#members.pop();
    if (last && last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    return true;
  }

  /** Those that stand in it now, in no order. Members may come and leave meanwhile. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#members.slice().values();
  }
}
