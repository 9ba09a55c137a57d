import { isIP } from "node:net";
import type { Cancel, Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { Random } from "../../xds/common/random.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../xds/model/endpoint.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { AddressFamilies, ResolveName } from "./name-resolver.ts";

export interface DnsSettings {
  /** Only the first address of a name is used (LOGICAL_DNS). */
  readonly logical: boolean;
  readonly refreshMs: number;
  /** Refresh when the answer's TTL is over, instead of at the fixed rate. */
  readonly respectTtl: boolean;
  readonly families: AddressFamilies;
}

export interface DnsContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly resolveName: ResolveName;
}

/** A refresh comes up to this much later than due, so that a fleet does not ask as one. */
const JITTER = 0.1;
/** A TTL of 0 would mean asking without end. */
const SHORTEST_REFRESH_MS = 1_000;

/** Does the assignment name endpoints that must be resolved? */
export function namesHosts({ localities }: ClusterLoadAssignment): boolean {
  return localities.some(({ endpoints }) => endpoints.some(({ host }) => isIP(host) === 0));
}

/**
 * The endpoints of an assignment whose hosts are names: asked for ahead of any request and again from time to time. A name
 * that cannot be resolved keeps its last good addresses for as long as it takes.
 */
export class DnsEndpoints {
  /** Resolves when every name has been answered or refused once. */
  readonly warm: Promise<void>;
  readonly #context: DnsContext;
  readonly #settings: DnsSettings;
  readonly #assignment: ClusterLoadAssignment;
  readonly #onEndpoints: (assignment: ClusterLoadAssignment) => void;
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #cancels = new Map<string, Cancel>();
  #closed = false;

  constructor(
    context: DnsContext,
    settings: DnsSettings,
    assignment: ClusterLoadAssignment,
    onEndpoints: (assignment: ClusterLoadAssignment) => void,
  ) {
    this.#context = context;
    this.#settings = settings;
    this.#assignment = assignment;
    this.#onEndpoints = onEndpoints;
    const names = new Set<string>();
    for (const { endpoints } of assignment.localities) {
      for (const { host } of endpoints) if (isIP(host) === 0) names.add(host);
    }
    this.warm = Promise.all(Array.from(names, (name) => this.#resolve(name))).then(() => {});
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  async #resolve(name: string): Promise<void> {
    const { refreshMs, respectTtl, families } = this.#settings;
    let nextMs = refreshMs;
    try {
      const { addresses, ttlMs } = await this.#context.resolveName(name, families);
      if (this.#closed) return;
      if (respectTtl && Number.isFinite(ttlMs)) nextMs = ttlMs;
      this.#take(name, addresses);
    } catch (error) {
      if (this.#closed) return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#context.logger.warn(
        { name, reason },
        "the name cannot be resolved; its last addresses stay in use",
      );
    }
    const delayMs = Math.max(SHORTEST_REFRESH_MS, nextMs) * (1 + JITTER * this.#context.random());
    this.#cancels.set(
      name,
      this.#context.clock.after(delayMs, () => void this.#resolve(name)),
    );
  }

  #take(name: string, addresses: readonly string[]): void {
    // Servers turn the order from answer to answer; only another set is news.
    const kept = this.#settings.logical ? addresses.slice(0, 1) : [...addresses].sort();
    const last = this.#addresses.get(name);
    if (last && last.length === kept.length && kept.every((address, i) => address === last[i])) return;
    this.#addresses.set(name, kept);
    this.#onEndpoints(this.#resolved());
  }

  #resolved(): ClusterLoadAssignment {
    const seen = new Set<string>();
    const localities = this.#assignment.localities.map((locality) => ({
      ...locality,
      endpoints: locality.endpoints.flatMap((endpoint) => this.#expand(endpoint, seen)),
    }));
    return { ...this.#assignment, localities };
  }

  #expand(endpoint: Endpoint, seen: Set<string>): Endpoint[] {
    const { host, port } = endpoint;
    const addresses = isIP(host) === 0 ? (this.#addresses.get(host) ?? []) : [host];
    return addresses
      .filter((address) => {
        const key = endpointAddress(address, port);
        return !seen.has(key) && seen.add(key);
      })
      .map((address) => ({ ...endpoint, host: address, hostname: endpoint.hostname || host }));
  }
}
