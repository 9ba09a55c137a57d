import type { Random } from "../../../xds/common/random.ts";
import type { Slot } from "../balancer.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { hash32 } from "../hash.ts";
import type { InFlight } from "../in-flight.ts";
import type { Roster } from "../roster.ts";
import { type HashTable, HashWalk, hashKey } from "./hash-walk.ts";
import type { Chooser, Policy } from "./policy.ts";

export interface MaglevOptions {
  /** A prime, so that every permutation reaches every place. */
  readonly tableSize: number;
  readonly useHostname: boolean;
  readonly balanceFactor: number | undefined;
}

const OFFSET_SEED = 0;
const SKIP_SEED = 0x5f3759df;
const EMPTY = -1;

/** Maglev hashing (Eisenbud et al., NSDI 2016): more even than a ring, at the price of some more movement on change. */
export class Maglev implements Policy {
  readonly #options: MaglevOptions;
  readonly #roster: Roster;
  readonly #inFlight: InFlight;
  readonly #random: Random;

  constructor(options: MaglevOptions, roster: Roster, inFlight: InFlight, random: Random) {
    this.#options = options;
    this.#roster = roster;
    this.#inFlight = inFlight;
    this.#random = random;
  }

  chooser(set: EndpointSet): Chooser {
    const table = new MaglevTable(this.#options, this.#roster);
    return new HashWalk(set, table, this.#roster, this.#inFlight, this.#random, this.#options.balanceFactor);
  }
}

class MaglevTable implements HashTable {
  size = 0;
  readonly #options: MaglevOptions;
  readonly #roster: Roster;
  #owners = new Int32Array(0);

  constructor(options: MaglevOptions, roster: Roster) {
    this.#options = options;
    this.#roster = roster;
  }

  /** Endpoints take places by turns from their own permutations; a lighter one sits out turns in proportion. */
  build(set: EndpointSet): void {
    const size = this.#options.tableSize;
    const roster = this.#roster;
    // Turns go in the order of names, so that every sidecar makes the same table.
    const rows = Array.from(set.members.subarray(0, set.memberCount), (slot) => {
      const key = hashKey(roster, slot, this.#options.useHostname);
      const skip = (hash32(key, SKIP_SEED) % (size - 1)) + 1;
      return {
        slot,
        key,
        skip,
        next: hash32(key, OFFSET_SEED) % size,
        weight: roster.weights[slot]!,
        turns: 0,
      };
    }).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.slot - b.slot));
    const heaviest = rows.reduce((most, row) => Math.max(most, row.weight), 0);
    const owners = new Int32Array(size).fill(EMPTY);
    let filled = 0;
    for (let round = 1; filled < size && rows.length > 0; round++) {
      for (const row of rows) {
        if (round * row.weight < row.turns * heaviest) continue;
        row.turns++;
        while (owners[row.next] !== EMPTY) row.next = (row.next + row.skip) % size;
        owners[row.next] = row.slot;
        if (++filled === size) break;
      }
    }
    this.#owners = owners;
    this.size = rows.length === 0 ? 0 : size;
  }

  place(hash: number): number {
    return hash % this.size;
  }

  slotAt(place: number): Slot {
    return this.#owners[place]!;
  }
}
