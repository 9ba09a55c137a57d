import { type Hash64, xxhash64 } from "../../../xds/common/xxhash64.ts";
import type { Slot } from "../balancer.ts";
import type { Roster } from "../roster.ts";
import { type HashTable, hashKey, type TablePart } from "./hash-walk.ts";

export interface RingHashOptions {
  readonly minimumSize: number;
  readonly maximumSize: number;
  readonly useHostname: boolean;
  readonly balanceFactor: number | undefined;
}

interface Place {
  readonly position: Hash64;
  readonly slot: Slot;
}

/**
 * Consistent hashing on Envoy's ring (ring_hash_lb.cc) and gRPC's (gRFC A42): the same endpoints, weights and sizes give the same
 * places, so that a key goes to the same endpoint through either.
 */
export class Ring implements HashTable {
  readonly #options: RingHashOptions;
  readonly #roster: Roster;
  #places: readonly Place[] = [];

  constructor(options: RingHashOptions, roster: Roster) {
    this.#options = options;
    this.#roster = roster;
  }

  get size(): number {
    return this.#places.length;
  }

  /**
   * The lightest endpoint gets a whole number of places, so many that the ring has its smallest size, as far as the largest
   * allows; the others in proportion. Sums run over all endpoints, so that the ring is right as a whole where parts are fractions.
   * The order of the steps is Envoy's: another one rounds otherwise.
   */
  build(parts: readonly TablePart[]): void {
    const { minimumSize, maximumSize, useHostname } = this.#options;
    const least = parts.reduce((min, { part }) => Math.min(min, part), 1);
    const scale = Math.min(Math.ceil(least * minimumSize) / least, maximumSize);
    const places: Place[] = [];
    let target = 0;
    for (const { slot, part } of parts) {
      const key = hashKey(this.#roster, slot, useHostname);
      target += scale * part;
      for (let replica = 0; places.length < target; replica++) {
        places.push({ position: xxhash64(`${key}_${replica}`), slot });
      }
    }
    this.#places = places.sort((a, b) => compare(a.position, b.position));
  }

  /** The first place at or after the hash, round the end. */
  place(hash: Hash64): number {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#places[middle]!.position, hash) < 0) low = middle + 1;
      else high = middle;
    }
    return low === this.#places.length ? 0 : low;
  }

  slotAt(place: number): Slot {
    return this.#places[place]!.slot;
  }
}

function compare(a: Hash64, b: Hash64): number {
  return a.high - b.high || a.low - b.low;
}
