import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "../../xds/model/endpoint.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { Slot } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";

export interface RosterChange {
  /** Anything that a choice depends on. False: the assignment said what was known. */
  readonly changed: boolean;
  readonly added: readonly Slot[];
}

const SMALLEST_CAPACITY = 16;

/**
 * Who stands behind the cluster: one slot per address, with what the control plane says of it. Slots are stable while the
 * endpoint stays. One that left keeps its slot, and what hangs on it, until its last attempt has ended.
 */
export class Roster {
  capacity = 0;
  /** Slots of the assignment's endpoints, in its order: the first `count` entries of `members`. */
  members = new Int32Array(0);
  count = 0;
  weights = new Float64Array(0);
  /** Index into `localities`. */
  localityOf = new Int32Array(0);
  localities: readonly LocalityEndpoints[] = [];
  overprovisioningFactor = 140;
  /** Addresses that stood twice in the last assignment; the first place counts. */
  duplicates = 0;
  readonly #addresses: string[] = [];
  readonly #endpoints: (Endpoint | undefined)[] = [];
  readonly #slots = new Map<string, Slot>();
  readonly #free: Slot[] = [];
  readonly #columns: readonly Columns[];

  constructor(columns: readonly Columns[]) {
    this.#columns = columns;
  }

  address(slot: Slot): string {
    return this.#addresses[slot] ?? "";
  }

  /** Undefined when the endpoint has left the assignment. */
  endpoint(slot: Slot): Endpoint | undefined {
    return this.#endpoints[slot];
  }

  slot(address: string): Slot | undefined {
    return this.#slots.get(address);
  }

  locality(slot: Slot): LocalityEndpoints | undefined {
    return this.localities[this.localityOf[slot] ?? -1];
  }

  priority(slot: Slot): number {
    return this.locality(slot)?.priority ?? 0;
  }

  /** Slots that left and still have a name: the caller frees those without attempts. */
  *leavers(): Generator<Slot> {
    for (const slot of this.#slots.values()) if (this.#endpoints[slot] === undefined) yield slot;
  }

  release(slot: Slot): void {
    if (this.#endpoints[slot] !== undefined || this.#addresses[slot] === "") return;
    this.#slots.delete(this.address(slot));
    this.#addresses[slot] = "";
    this.#free.push(slot);
  }

  update(assignment: ClusterLoadAssignment): RosterChange {
    const added: Slot[] = [];
    const before = this.#snapshot();
    this.#endpoints.fill(undefined);
    this.localities = assignment.localities;
    this.overprovisioningFactor = assignment.overprovisioningFactor;
    this.duplicates = 0;
    this.count = 0;
    let changed = before.localities.length !== assignment.localities.length;
    changed ||= before.factor !== assignment.overprovisioningFactor;
    for (const [index, locality] of assignment.localities.entries()) {
      changed ||= !samePlace(before.localities[index], locality);
      for (const endpoint of locality.endpoints) {
        const address = endpointAddress(endpoint.host, endpoint.port);
        const known = this.#slots.get(address);
        if (known !== undefined && this.#endpoints[known] !== undefined) {
          this.duplicates++;
          continue;
        }
        const slot = known ?? this.#claim(address);
        const old = before.endpoints[slot];
        if (known === undefined || old === undefined) added.push(slot);
        changed ||= old === undefined || old.weight !== endpoint.weight || old.health !== endpoint.health;
        changed ||= this.localityOf[slot] !== index || this.members[this.count] !== slot;
        this.#endpoints[slot] = endpoint;
        this.weights[slot] = endpoint.weight;
        this.localityOf[slot] = index;
        this.members[this.count++] = slot;
      }
    }
    changed ||= this.count !== before.count;
    return { changed, added };
  }

  /** Brings columns that did not follow so far to the state of those that did from the start. */
  fit(columns: Columns): void {
    columns.grow(this.capacity);
    for (let slot = 0; slot < this.capacity; slot++) columns.clear(slot);
  }

  #snapshot() {
    return {
      endpoints: this.#endpoints.slice(),
      localities: this.localities,
      factor: this.overprovisioningFactor,
      count: this.count,
    };
  }

  #claim(address: string): Slot {
    const slot = this.#free.pop() ?? this.#addresses.length;
    if (slot >= this.capacity) this.#grow(Math.max(SMALLEST_CAPACITY, this.capacity * 2));
    for (const columns of this.#columns) columns.clear(slot);
    this.#addresses[slot] = address;
    this.#endpoints[slot] = undefined;
    this.#slots.set(address, slot);
    return slot;
  }

  #grow(capacity: number): void {
    this.capacity = capacity;
    this.members = grownIntegers(this.members, capacity);
    this.localityOf = grownIntegers(this.localityOf, capacity);
    this.weights = grownFloats(this.weights, capacity);
    for (const columns of this.#columns) columns.grow(capacity);
  }
}

function samePlace(a: LocalityEndpoints | undefined, b: LocalityEndpoints): boolean {
  return (
    a !== undefined &&
    a.region === b.region &&
    a.zone === b.zone &&
    a.subZone === b.subZone &&
    a.priority === b.priority &&
    a.weight === b.weight
  );
}
