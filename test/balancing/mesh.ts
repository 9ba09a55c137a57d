import type { BalancerEvent } from "../../sidecar/balancing/balancer.ts";
import { Evidence } from "../../sidecar/balancing/evidence.ts";
import { type BalancerOptions, createBalancer, type ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { OUTCOME, type Outcome } from "../../sidecar/balancing/outcome.ts";
import { type Random, seededRandom } from "../../xds/common/random.ts";
import { type Hash64, xxhash64 } from "../../xds/common/xxhash64.ts";
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "../../xds/model/endpoint.ts";
import { FakeClock } from "../support/fake-clock.ts";

export function endpoint(index: number, overrides: Partial<Endpoint> = {}): Endpoint {
  return {
    host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    port: 8080,
    additionalAddresses: [],
    hostname: "",
    health: "healthy",
    weight: 1,
    healthCheckPort: undefined,
    transportLabels: [],
    ...overrides,
  };
}

export function endpoints(count: number, from = 0): Endpoint[] {
  return Array.from({ length: count }, (_, i) => endpoint(from + i));
}

export function place(
  members: readonly Endpoint[],
  overrides: Partial<LocalityEndpoints> = {},
): LocalityEndpoints {
  return { region: "", zone: "", subZone: "", priority: 0, weight: 1, ...overrides, endpoints: members };
}

export function assignment(...localities: LocalityEndpoints[]): ClusterLoadAssignment {
  return {
    clusterName: "orders",
    localities,
    overprovisioningFactor: 140,
    drops: [],
  };
}

/** How an endpoint behaves: what an attempt at `now` ends in, and after how long. */
export type Behaviour = (now: number) => { readonly outcome: Outcome; readonly ms: number };

export const answersIn =
  (ms: number): Behaviour =>
  () => ({ outcome: OUTCOME.success, ms });

/** A balancer on a clock of its own, with endpoints whose behaviour a test sets by address. */
export class Mesh {
  readonly clock = new FakeClock();
  readonly events: BalancerEvent[] = [];
  readonly evidence = new Evidence();
  readonly behaviours = new Map<string, Behaviour>();
  readonly balancer;
  readonly #usual: Behaviour;

  constructor(
    policy: ResolvedPolicy,
    options: BalancerOptions = {},
    seed = 1,
    usual: Behaviour = answersIn(10),
    random: Random = seededRandom(seed),
  ) {
    this.#usual = usual;
    const onEvent = (event: BalancerEvent) => void this.events.push(event);
    this.balancer = createBalancer(policy, options, {
      clock: this.clock,
      random,
      onEvent,
    });
  }

  /** One attempt, begun now; it ends by the clock. Returns the address, empty when there was none. */
  send(key?: number): string {
    const hash = key === undefined ? undefined : hashOf(key);
    const slot = this.balancer.pick({ hash, tried: [] }, this.evidence);
    if (slot < 0) return "";
    const address = this.balancer.address(slot);
    const ticket = this.balancer.onStart(slot);
    const { outcome, ms } = (this.behaviours.get(address) ?? this.#usual)(this.clock.now());
    this.clock.after(ms, () => this.balancer.onEnd(ticket, outcome));
    return address;
  }

  /** `perSecond` attempts, evenly spaced, for `ms`; how many each address got. */
  run(ms: number, perSecond: number): Map<string, number> {
    const counts = new Map<string, number>();
    const gap = 1000 / perSecond;
    for (let sent = 0; sent < ms / gap; sent++) {
      const address = this.send();
      counts.set(address, (counts.get(address) ?? 0) + 1);
      this.clock.advance(gap);
    }
    return counts;
  }

  state(address: string): string {
    return this.balancer.view().endpoints.find((e) => e.address === address)?.state ?? "";
  }
}

/** What a request with this key is hashed to. */
export function hashOf(key: number): Hash64 {
  return xxhash64(`key ${key}`);
}

export const roundRobin: ResolvedPolicy = { kind: "round_robin", slowStart: undefined };
export const adaptive: ResolvedPolicy = { kind: "adaptive" };

export { OUTLIER_DETECTION_DEFAULTS as ENVOY_DEFAULTS } from "../../xds/model/outlier-detection-defaults.ts";
