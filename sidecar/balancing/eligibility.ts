import type { LocalityPolicy } from "../../xds/model/cluster.ts";
import type { Slot } from "./balancer.ts";
import { EndpointSet } from "./endpoint-set.ts";
import type { EndpointStates } from "./endpoint-states.ts";
import { STATE } from "./endpoint-states.ts";
import { EXCLUSION_NAMES } from "./evidence.ts";
import type { LoadTable } from "./load-table.ts";
import { type LocalityLoad, localityLoads, prefersZone } from "./locality-loads.ts";
import { type PriorityHealth, priorityLoads } from "./priority-loads.ts";
import type { Roster } from "./roster.ts";

const EXCLUDED = Object.fromEntries(EXCLUSION_NAMES.map((name, i) => [name, i])) as Record<
  (typeof EXCLUSION_NAMES)[number],
  number
>;

export interface EligibilityOptions {
  /** Percent; 0: never ignore health. */
  readonly panicThreshold: number;
  readonly locality: LocalityPolicy;
  /** Zone that this sidecar runs in; empty: unknown, zone awareness is off. */
  readonly localZone: string;
  /** Whether the policy itself weighs near against far by load. Otherwise zones take what their number of endpoints allows. */
  readonly spillsByLoad: boolean;
  /** Whether the policy chooses by a request's key. One table then holds all localities, or a key would go to several. */
  readonly byKey: boolean;
}

/** A set to be: its part of the priority's picks, and who is in it. */
interface Part {
  readonly key: string;
  readonly share: number;
  readonly slots: readonly Slot[];
  readonly members: readonly Slot[];
  readonly byLocality: boolean;
  readonly near?: string;
  readonly localityShares?: readonly number[];
}

/** One place of the assignment with its endpoints by what may be done with them. */
interface Place {
  readonly locality: number;
  readonly healthy: Slot[];
  readonly degraded: Slot[];
  /** Not to be used, but used in panic. */
  readonly unhealthy: Slot[];
  readonly draining: Slot[];
}

/**
 * Which endpoints a pick may choose among, and with what share where there are several sets: by health, ejection, priority
 * (with overprovisioning), panic and locality. Made anew only when one of them changed.
 */
export class Eligibility {
  /** In order of their part of the draw; a draw falls into the first with `draw < upTo`. */
  sets: EndpointSet[] = [];
  panic = false;
  #known = new Map<string, EndpointSet>();
  readonly #roster: Roster;
  readonly #states: EndpointStates;
  readonly #failedChecks: ReadonlySet<string>;
  /** A change counts from the next `rebuild` on. */
  options: EligibilityOptions;

  constructor(table: LoadTable, options: EligibilityOptions) {
    this.#roster = table.roster;
    this.#states = table.states;
    this.#failedChecks = table.failedChecks;
    this.options = options;
  }

  /** Whether a trial may be sent to this priority: it is in use, or its failure is why one after it is. */
  triesPriority(priority: number): boolean {
    for (const set of this.sets) if (set.priority >= priority) return true;
    return this.sets.length === 0;
  }

  rebuild(): void {
    const excluded = new Int32Array(EXCLUSION_NAMES.length);
    const priorities = this.#places(excluded);
    const health: PriorityHealth[] = priorities.map((places) => ({
      total: sum(places, (p) => p.healthy.length + p.degraded.length + p.unhealthy.length),
      draining: sum(places, (p) => p.draining.length),
      healthy: sum(places, (p) => p.healthy.length),
      refusing: sum(places, (p) => p.healthy.filter((slot) => this.#states.refusing[slot] === 1).length),
      degraded: sum(places, (p) => p.degraded.length),
    }));
    const loads = priorityLoads(health, this.#roster.overprovisioningFactor, this.options.panicThreshold);
    this.panic = loads.some((load) => load.panic);
    const previous = this.#known;
    this.#known = new Map();
    this.sets = [];
    let upTo = 0;
    for (const load of loads) {
      const places = priorities[load.priority] ?? [];
      for (const part of this.#parts(places, load.panic, load.degraded)) {
        const key = `${load.priority} ${part.key} ${load.degraded ? "degraded" : ""}`;
        const set = previous.get(key) ?? new EndpointSet(key);
        set.assign(part.slots, part.members, part.localityShares);
        set.priority = load.priority;
        set.panic = load.panic;
        set.near = part.near;
        upTo += load.share * part.share;
        set.upTo = upTo;
        this.#describe(set, excluded, part.byLocality);
        this.sets.push(set);
        this.#known.set(key, set);
      }
    }
    const last = this.sets.at(-1);
    // The parts sum up to 1 but for rounding; no draw may fall beyond the last.
    if (last) last.upTo = Number.POSITIVE_INFINITY;
  }

  #describe(set: EndpointSet, excluded: Int32Array, byLocality: boolean): void {
    set.excluded.set(excluded);
    if (set.panic) set.excluded.fill(0, 0, EXCLUDED.draining + 1);
    const known = set.excluded.reduce((a, b) => a + b, 0);
    const elsewhere = Math.max(0, this.#roster.count - set.count - known);
    set.excluded[byLocality ? EXCLUDED.other_locality : EXCLUDED.other_priority] = elsewhere;
  }

  #places(excluded: Int32Array): Place[][] {
    const roster = this.#roster;
    const byLocality: Place[] = roster.localities.map((_, locality) => ({
      locality,
      healthy: [],
      degraded: [],
      unhealthy: [],
      draining: [],
    }));
    for (let i = 0; i < roster.count; i++) {
      const slot = roster.members[i]!;
      const place = byLocality[roster.localityOf[slot]!]!;
      const health = roster.endpoint(slot)!.health;
      const state = this.#states.state[slot]!;
      if (health === "draining") {
        place.draining.push(slot);
        excluded[EXCLUDED.draining]!++;
      } else if (health === "unhealthy" || this.#failedChecks.has(roster.address(slot))) {
        place.unhealthy.push(slot);
        excluded[EXCLUDED.unhealthy]!++;
      } else if (state === STATE.ejected || state === STATE.probation) {
        place.unhealthy.push(slot);
        excluded[state === STATE.ejected ? EXCLUDED.ejected : EXCLUDED.probation]!++;
      } else if (health === "degraded") place.degraded.push(slot);
      else place.healthy.push(slot);
    }
    const priorities: Place[][] = [];
    for (const [index, place] of byLocality.entries()) {
      const priority = roster.localities[index]!.priority;
      while (priorities.length <= priority) priorities.push([]);
      priorities[priority]!.push(place);
    }
    return priorities;
  }

  /** How one priority's share is divided over its localities. */
  #parts(places: readonly Place[], panic: boolean, degraded: boolean): Part[] {
    const usable = (place: Place): Slot[] => {
      if (degraded) return place.degraded;
      if (!panic) return place.healthy;
      return [...place.healthy, ...place.degraded, ...place.unhealthy];
    };
    const members = (place: Place): Slot[] => [...place.healthy, ...place.degraded, ...place.unhealthy];
    const candidates: LocalityLoad[] = places.map((place) => ({
      zone: this.#roster.localities[place.locality]!.zone,
      weight: this.#roster.localities[place.locality]!.weight,
      usable: usable(place).length,
      total: members(place).length,
    }));
    if (this.options.spillsByLoad && !panic && prefersZone(candidates, this.options)) {
      const slots = places.flatMap(usable);
      const all = { byLocality: false, slots, members: inOrder(slots, places.flatMap(members)) };
      const share = this.options.locality.zoneRoutingEnabled / 100;
      const aware: Part = { key: "near", share, ...all, near: this.options.localZone };
      return [aware, { key: "", share: 1 - share, ...all }].filter((part) => part.share > 0);
    }
    const shares = this.options.byKey
      ? undefined
      : localityLoads(candidates, this.#roster.overprovisioningFactor, panic, this.options);
    if (shares === undefined) {
      let slots = places.flatMap(usable);
      // In panic with nothing but draining endpoints, these are better than an error.
      if (panic && slots.length === 0) slots = places.flatMap((place) => place.draining);
      if (slots.length === 0) return [];
      const localityShares = panic ? undefined : this.#localityShares(candidates, places);
      const all = { byLocality: false, slots, members: inOrder(slots, places.flatMap(members)) };
      return [{ key: "", share: 1, ...all, ...(localityShares && { localityShares }) }];
    }
    return places
      .map((place, i) => ({
        key: localityKey(this.#roster, place.locality),
        share: shares[i]!,
        byLocality: true,
        slots: usable(place),
        members: inOrder(usable(place), members(place)),
      }))
      .filter((part) => part.share > 0 && part.slots.length > 0);
  }

  /** Localities' parts of a hash table: their weights alone, as in Envoy. Health moves keys within the table, not its places. */
  #localityShares(candidates: readonly LocalityLoad[], places: readonly Place[]): number[] | undefined {
    if (!this.options.byKey || this.options.locality.kind !== "weighted") return undefined;
    const weights = candidates.map(({ weight, total }) => (total === 0 ? 0 : (weight ?? 0)));
    const all = weights.reduce((a, b) => a + b, 0);
    if (all === 0) return undefined;
    const shares = new Array<number>(this.#roster.localities.length).fill(0);
    for (const [i, place] of places.entries()) shares[place.locality] = weights[i]! / all;
    return shares;
  }
}

/** Members in slot order, so that a change of health alone changes nothing; draining endpoints only where they are in use. */
function inOrder(slots: readonly Slot[], members: readonly Slot[]): Slot[] {
  return (members.length === 0 ? [...slots] : [...members]).sort((a, b) => a - b);
}

function localityKey(roster: Roster, index: number): string {
  const { region, zone, subZone } = roster.localities[index]!;
  return `${region}/${zone}/${subZone}#${index}`;
}

function sum(places: readonly Place[], of: (place: Place) => number): number {
  let total = 0;
  for (const place of places) total += of(place);
  return total;
}
