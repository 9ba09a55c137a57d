import type { Slot } from "./balancer.ts";
import { EXCLUSION_NAMES } from "./evidence.ts";

/** Endpoints that one pick chooses among: those of one priority and, where localities have shares, of one locality. */
export class EndpointSet {
  readonly key: string;
  slots = new Int32Array(0);
  count = 0;
  /** Every endpoint of the place, also those out of the choice: hash tables are built over these, so that an ejection moves few keys. */
  members = new Int32Array(0);
  memberCount = 0;
  /** Upper end of the set's part of the draw, 0..1, the sets before it included. */
  upTo = 0;
  priority = 0;
  panic = false;
  /** The zone whose endpoints are preferred while load allows; undefined: all places are alike. */
  near: string | undefined;
  /** What of a hash table belongs to each locality, by its place in the assignment; undefined: localities do not matter. */
  localityShares: readonly number[] | undefined;
  /** Changes whenever slots, members or weights do. */
  version = 0;
  readonly excluded = new Int32Array(EXCLUSION_NAMES.length);

  constructor(key: string) {
    this.key = key;
  }

  assign(slots: readonly Slot[], members: readonly Slot[], localityShares?: readonly number[]): void {
    if (
      same(this.slots, this.count, slots) &&
      same(this.members, this.memberCount, members) &&
      sameShares(this.localityShares, localityShares)
    )
      return;
    this.localityShares = localityShares;
    this.slots = Int32Array.from(slots);
    this.count = slots.length;
    this.members = Int32Array.from(members);
    this.memberCount = members.length;
    this.version++;
  }
}

function sameShares(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((share, i) => share === b[i]);
}

function same(column: Int32Array, count: number, slots: readonly Slot[]): boolean {
  return count === slots.length && slots.every((slot, i) => column[i] === slot);
}
