import type { Random } from "../../../xds/common/random.ts";
import type { Hash64 } from "../../../xds/common/xxhash64.ts";
import { NO_SLOT, type PickRequest, type Slot } from "../balancer.ts";
import type { EndpointSet } from "../endpoint-set.ts";
import { type Evidence, PICK_REASON } from "../evidence.ts";
import type { InFlight } from "../in-flight.ts";
import type { LoadTable } from "../load-table.ts";
import type { Roster } from "../roster.ts";
import { type Chooser, isTried } from "./policy.ts";

/** A table of endpoints around which a request walks from the place of its hash until an endpoint may be used. */
export interface HashTable {
  readonly size: number;
  build(parts: readonly TablePart[]): void;
  /** Where a hash falls, 0..size-1. */
  place(hash: Hash64): number;
  slotAt(place: number): Slot;
}

/**
 * Picks by hash. The table holds every member of the set, also ejected ones: their keys walk on to the next endpoint and
 * come home when they return, while no other key moves. With bounded load a full endpoint is passed by in the same way.
 */
export class HashWalk implements Chooser {
  readonly #set: EndpointSet;
  readonly #places: HashTable;
  readonly #roster: Roster;
  readonly #inFlight: InFlight;
  readonly #random: Random;
  /** Times the average load that an endpoint may carry; undefined: any. */
  readonly #bound: number | undefined;
  readonly #eligible = new Set<Slot>();
  #parts: readonly TablePart[] | undefined;
  #weightSum = 0;
  #version = -1;

  constructor(set: EndpointSet, places: HashTable, table: LoadTable, balanceFactor: number | undefined) {
    this.#set = set;
    this.#places = places;
    this.#roster = table.roster;
    this.#inFlight = table.inFlight;
    this.#random = table.random;
    this.#bound = balanceFactor === undefined ? undefined : balanceFactor / 100;
  }

  choose(request: PickRequest, _now: number, evidence: Evidence): Slot {
    if (this.#version !== this.#set.version) this.#rebuild();
    evidence.reason = PICK_REASON.hash;
    let hash = request.hash;
    if (hash === undefined) {
      // A request without a key goes anywhere (Envoy).
      const draw = this.#random();
      evidence.draw = draw;
      hash = { high: Math.floor(draw * 2 ** 32), low: 0 };
    }
    const places = this.#places;
    if (this.#eligible.size === 0 || places.size === 0) return NO_SLOT;
    const from = places.place(hash);
    const bounded = this.#walk(from, request, true);
    return bounded !== NO_SLOT || this.#bound === undefined ? bounded : this.#walk(from, request, false);
  }

  #walk(from: number, request: PickRequest, bounded: boolean): Slot {
    const places = this.#places;
    let last = NO_SLOT;
    for (let step = 0, at = from; step < places.size; step++, at++) {
      if (at === places.size) at = 0;
      const slot = places.slotAt(at);
      if (slot === last) continue;
      last = slot;
      if (!this.#eligible.has(slot) || isTried(request, slot)) continue;
      if (!bounded || this.#hasRoom(slot)) return slot;
    }
    return NO_SLOT;
  }

  /** Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam): at most `bound` times the fair part. */
  #hasRoom(slot: Slot): boolean {
    if (this.#bound === undefined) return true;
    const fair = ((this.#inFlight.total + 1) * this.#roster.weights[slot]!) / this.#weightSum;
    return this.#inFlight.count[slot]! + 1 <= Math.max(1, Math.ceil(fair * this.#bound));
  }

  #rebuild(): void {
    const set = this.#set;
    this.#version = set.version;
    this.#eligible.clear();
    this.#weightSum = 0;
    for (let i = 0; i < set.count; i++) {
      this.#eligible.add(set.slots[i]!);
      this.#weightSum += this.#roster.weights[set.slots[i]!]!;
    }
    const parts = partsOf(set, this.#roster);
    if (this.#parts !== undefined && sameParts(this.#parts, parts)) return;
    this.#parts = parts;
    this.#places.build(parts);
  }
}

/** An endpoint and what of the table it gets, as a part of 1. */
export interface TablePart {
  readonly slot: Slot;
  readonly part: number;
}

/**
 * By weight; where localities have weights, each locality's part by the weights of its endpoints. The steps are those of Envoy's
 * thread_aware_lb_impl.cc: others round otherwise.
 */
function partsOf(set: EndpointSet, roster: Roster): readonly TablePart[] {
  const members = Array.from(set.members.subarray(0, set.memberCount));
  const { localityShares } = set;
  if (localityShares === undefined) {
    const sum = members.reduce((total, slot) => total + roster.weights[slot]!, 0);
    return members.map((slot) => ({ slot, part: roster.weights[slot]! / sum }));
  }
  const sums = new Array<number>(localityShares.length).fill(0);
  for (const slot of members) sums[roster.localityOf[slot]!]! += roster.weights[slot]!;
  return members
    .map((slot) => {
      const locality = roster.localityOf[slot]!;
      return { slot, part: (roster.weights[slot]! * localityShares[locality]!) / sums[locality]! };
    })
    .filter(({ part }) => part > 0);
}

function sameParts(a: readonly TablePart[], b: readonly TablePart[]): boolean {
  return a.length === b.length && a.every(({ slot, part }, i) => slot === b[i]?.slot && part === b[i].part);
}

/** Where a key falls among priorities, 0..1: in hundredths of its hash, as in Envoy, so that it stays with one of them. */
export function drawOf(hash: Hash64): number {
  return (remainder(hash, 100) + 0.5) / 100;
}

/** Exact while the divisor is under 2^26, which the largest table is. */
export function remainder({ high, low }: Hash64, divisor: number): number {
  return ((high % divisor) * (2 ** 32 % divisor) + low) % divisor;
}

/** What an endpoint is hashed by. */
export function hashKey(roster: Roster, slot: Slot, useHostname: boolean): string {
  const hostname = roster.endpoint(slot)?.hostname ?? "";
  return useHostname && hostname !== "" ? hostname : roster.address(slot);
}
