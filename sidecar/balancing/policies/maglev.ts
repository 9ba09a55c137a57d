import { type Hash64, xxhash64 } from "../../../xds/common/xxhash64.ts";
import type { Slot } from "../balancer.ts";
import type { Roster } from "../roster.ts";
import { type HashTable, hashKey, remainder, type TablePart } from "./hash-walk.ts";

export interface MaglevOptions {
  /** A prime, so that every permutation reaches every place. */
  readonly tableSize: number;
  readonly useHostname: boolean;
  readonly balanceFactor: number | undefined;
}

const SKIP_SEED: Hash64 = { high: 0, low: 1 };
const EMPTY = -1;

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016): more even than a ring, at the price of some more movement on change. The table is
 * Envoy's (maglev_lb.cc): the same endpoints, weights and size give the same places.
 */
export class MaglevTable implements HashTable {
  size = 0;
  readonly #options: MaglevOptions;
  readonly #roster: Roster;
  #owners = new Int32Array(0);

  constructor(options: MaglevOptions, roster: Roster) {
    this.#options = options;
    this.#roster = roster;
  }

  /** Endpoints take places by turns from their own permutations; a lighter one sits out turns in proportion. */
  build(parts: readonly TablePart[]): void {
    const size = this.#options.tableSize;
    // Turns go in the order of names, so that every sidecar makes the same table.
    const rows = parts
      .map(({ slot, part }) => {
        const key = hashKey(this.#roster, slot, this.#options.useHostname);
        const skip = remainder(xxhash64(key, SKIP_SEED), size - 1) + 1;
        const next = remainder(xxhash64(key), size);
        return { slot, key, skip, next, weight: part, target: 0 };
      })
      .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.slot - b.slot));
    const heaviest = rows.reduce((most, { weight }) => Math.max(most, weight), 0);
    const owners = new Int32Array(size).fill(EMPTY);
    let filled = 0;
    for (let round = 1; filled < size && rows.length > 0; round++) {
      for (const row of rows) {
        // A running sum, as in Envoy: a product would round otherwise, and another endpoint would take the place.
        if (round * row.weight < row.target) continue;
        row.target += heaviest;
        while (owners[row.next] !== EMPTY) row.next = (row.next + row.skip) % size;
        owners[row.next] = row.slot;
        if (++filled === size) break;
      }
    }
    this.#owners = owners;
    this.size = rows.length === 0 ? 0 : size;
  }

  place(hash: Hash64): number {
    return remainder(hash, this.size);
  }

  slotAt(place: number): Slot {
    return this.#owners[place]!;
  }
}
