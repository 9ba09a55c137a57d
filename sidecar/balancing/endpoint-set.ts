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
  /** Changes whenever slots, members or weights do. */
  version = 0;
  readonly excluded = new Int32Array(EXCLUSION_NAMES.length);

  constructor(key: string) {
    this.key = key;
  }

  /** True when that changed the set. */
  assign(slots: readonly Slot[], members: readonly Slot[]): void {
    if (same(this.slots, this.count, slots) && same(this.members, this.memberCount, members)) return;
    this.slots = Int32Array.from(slots);
    this.count = slots.length;
    this.members = Int32Array.from(members);
    this.memberCount = members.length;
    this.version++;
  }
}

function same(column: Int32Array, count: number, slots: readonly Slot[]): boolean {
  return count === slots.length && slots.every((slot, i) => column[i] === slot);
}
