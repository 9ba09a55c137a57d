import type { Random } from "../../../xds/common/random.ts";
import type { Slot } from "../balancer.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { hash32, rehash32 } from "../hash.ts";
import type { InFlight } from "../in-flight.ts";
import type { Roster } from "../roster.ts";
import { type HashTable, HashWalk, hashKey } from "./hash-walk.ts";
import type { Chooser, Policy } from "./policy.ts";

export interface RingHashOptions {
  readonly minimumSize: number;
  readonly maximumSize: number;
  readonly useHostname: boolean;
  readonly balanceFactor: number | undefined;
}

/** Consistent hashing on a ring whose size and division follow Envoy's ring_hash. Positions are ours: 32-bit MurmurHash3. */
export class RingHash implements Policy {
  readonly #options: RingHashOptions;
  readonly #roster: Roster;
  readonly #inFlight: InFlight;
  readonly #random: Random;

  constructor(options: RingHashOptions, roster: Roster, inFlight: InFlight, random: Random) {
    this.#options = options;
    this.#roster = roster;
    this.#inFlight = inFlight;
    this.#random = random;
  }

  chooser(set: EndpointSet): Chooser {
    const ring = new Ring(this.#options, this.#roster);
    return new HashWalk(set, ring, this.#roster, this.#inFlight, this.#random, this.#options.balanceFactor);
  }
}

/** A position and its owner fit into one float, so that the ring is sorted natively. */
const OWNERS = 2 ** 20;

class Ring implements HashTable {
  size = 0;
  readonly #options: RingHashOptions;
  readonly #roster: Roster;
  #positions = new Uint32Array(0);
  #owners = new Int32Array(0);

  constructor(options: RingHashOptions, roster: Roster) {
    this.#options = options;
    this.#roster = roster;
  }

  /**
   * The ring has at least its smallest size, as far as the largest allows. The lightest endpoint gets a power of two of
   * places: Envoy's exact fit changes every endpoint's places, and so moves keys of all, whenever one comes or goes.
   */
  build(set: EndpointSet): void {
    const { minimumSize, maximumSize, useHostname } = this.#options;
    const roster = this.#roster;
    const count = set.memberCount;
    const weights = Array.from(set.members.subarray(0, count), (slot) => roster.weights[slot]!);
    const sum = weights.reduce((a, b) => a + b, 0);
    const least = smallest(weights) / sum;
    const wanted = least * Math.max(minimumSize, count);
    const scale = Math.min(2 ** Math.ceil(Math.log2(wanted)) / least, maximumSize);
    const places: number[] = [];
    let target = 0;
    for (const [i, weight] of weights.entries()) {
      const base = hash32(hashKey(roster, set.members[i]!, useHostname), 0);
      target += (scale * weight) / sum;
      for (let place = 0; places.length < target && places.length < maximumSize; place++) {
        places.push(rehash32(base, place) * OWNERS + i);
      }
    }
    const sorted = Float64Array.from(places).sort();
    this.size = sorted.length;
    this.#positions = Uint32Array.from(sorted, (value) => Math.floor(value / OWNERS));
    this.#owners = Int32Array.from(sorted, (value) => set.members[value % OWNERS]!);
  }

  /** The first place at or after the hash, round the end. */
  place(hash: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#positions[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.size ? 0 : low;
  }

  slotAt(place: number): Slot {
    return this.#owners[place]!;
  }
}

function smallest(values: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const value of values) least = Math.min(least, value);
  return least;
}
