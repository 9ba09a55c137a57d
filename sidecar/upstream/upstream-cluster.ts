import type { Socket } from "node:net";
import net from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { Cancel, Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { Random } from "../../xds/common/random.ts";
import type { TimerWheel } from "../../xds/common/timer-wheel.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import type { ClusterConfiguration } from "../../xds/model/configuration.ts";
import type { ClusterLoadAssignment, Endpoint } from "../../xds/model/endpoint.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { Balancer, BalancerEvent, BalancerView, Slot } from "../balancing/balancer.ts";
import type { BalancerOptions, ResolvedPolicy } from "../balancing/index.ts";
import { createBalancer } from "../balancing/index.ts";
import { CircuitBreaker, type OpenBounds } from "./circuit-breaker.ts";
import { type ConnectionCounts, ConnectionTally } from "./connection-tally.ts";
import type { DnsSettings } from "./dns-endpoints.ts";
import { DnsEndpoints, namesHosts } from "./dns-endpoints.ts";
import { HealthChecks, type HealthContext } from "./health-checks.ts";
import { heldBytes } from "./held-bytes.ts";
import { Http1Pool } from "./http1-pool.ts";
import type { ResolveName } from "./name-resolver.ts";
import type { PoolHome, PoolTarget } from "./pool-home.ts";
import { connectReusing } from "./read-buffers.ts";
import type { ResponseLimits } from "./response-limits.ts";
import type { StreamSource } from "./stream-source.ts";
import { TransportSockets } from "./transport-sockets.ts";
import { TunnelDialer } from "./tunnel-dialer.ts";

/** What clusters need of the process. */
export interface UpstreamContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  /** The policy of clusters that name none. */
  readonly defaultPolicy: ResolvedPolicy;
  /** The zone this sidecar runs in; empty: unknown. */
  readonly localZone: string;
  readonly resolveName: ResolveName;
  readonly logger: Logger;
  readonly onBalancerEvent: (cluster: string, event: BalancerEvent) => void;
  /** Connections to upstreams over all clusters that the process has descriptors for. */
  readonly maxConnections: number;
  /** What a response may be at most. */
  readonly responseLimits: ResponseLimits;
}

/** All clusters together. */
export interface ClusterConnections {
  /** Open or being opened. */
  readonly connections: number;
}

/** One cluster as a person reads it. */
export interface ClusterView {
  readonly name: string;
  readonly clusterVersion: string;
  readonly endpointsVersion: string;
  readonly model: Cluster;
  readonly balancer: BalancerView;
  readonly connections: ConnectionCounts;
  /** By address. Endpoints that no connection was opened to are not in it. */
  readonly endpointConnections: ReadonlyMap<string, ConnectionCounts>;
  readonly requests: { readonly active: number; readonly pending: number; readonly retrying: number };
  readonly overflows: Readonly<Record<"requests" | "pending" | "connections" | "retries", number>>;
  /** By priority, which bounds are met now. */
  readonly open: Readonly<Record<"default" | "high", OpenBounds>>;
}

/** One configured upstream at work: its balancer, its connections, its bounds. */
export class UpstreamCluster implements PoolHome {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly counts = new ConnectionTally();
  readonly breakers: { readonly default: CircuitBreaker; readonly high: CircuitBreaker };
  readonly balancer: Balancer;
  /** The name of the policy in force. */
  policy: string;
  readonly #context: UpstreamContext;
  #configuration: ClusterConfiguration;
  /** By address; `#slotPools` finds the same by the balancer's slots. */
  readonly #pools = new Map<string, Http1Pool>();
  #slotPools: (Http1Pool | undefined)[] = [];
  /** By address, for as long as the endpoint is there. */
  readonly #tallies = new Map<string, ConnectionTally>();
  #endpoints = new Map<string, Endpoint>();
  #assignment: ClusterLoadAssignment | undefined;
  #health: HealthChecks;
  #sockets: TransportSockets;
  #dns: DnsEndpoints | undefined;
  #cancelTick: Cancel | undefined;

  readonly #siblings: ClusterConnections;

  constructor(context: UpstreamContext, siblings: ClusterConnections, configuration: ClusterConfiguration) {
    const model = configuration.cluster.value;
    this.name = model.name;
    this.clock = context.clock;
    this.wheel = context.wheel;
    this.random = context.random;
    this.#context = context;
    this.#siblings = siblings;
    this.#configuration = configuration;
    this.breakers = {
      default: new CircuitBreaker(model.circuitBreakers.default),
      high: new CircuitBreaker(model.circuitBreakers.high),
    };
    this.balancer = this.#createBalancer(model);
    this.policy = this.#policyOf(model).kind;
    this.#sockets = this.#createSockets(model);
    this.#health = this.#createHealthChecks(model);
    this.#discover(configuration);
    this.#tick();
  }

  get model(): Cluster {
    return this.#configuration.cluster.value;
  }

  get clusterVersion(): string {
    return this.#configuration.cluster.version;
  }

  get endpointsVersion(): string {
    return this.#configuration.assignment.version;
  }

  /** Takes over what changed. What is learned of endpoints and runs there survives every change; connections all but that of their own settings. */
  apply(next: ClusterConfiguration): void {
    const last = this.#configuration;
    this.#configuration = next;
    const model = next.cluster.value;
    if (model !== last.cluster.value) {
      this.breakers.default.thresholds = model.circuitBreakers.default;
      this.breakers.high.thresholds = model.circuitBreakers.high;
      if (!isDeepStrictEqual(tlsSettings(model), tlsSettings(last.cluster.value)))
        this.#sockets = this.#createSockets(model);
      if (!isDeepStrictEqual(balancingSettings(model), balancingSettings(last.cluster.value)))
        this.#rebalance(model);
      if (!isDeepStrictEqual(connectionSettings(model), connectionSettings(last.cluster.value)))
        this.#closePools();
    }
    if (!isDeepStrictEqual(model.healthChecks, last.cluster.value.healthChecks)) {
      if (model.healthChecks.length === 0) this.#health.withdraw();
      else this.#health.close();
      this.#health = this.#createHealthChecks(model);
      this.#health.update(this.#endpoints);
    }
    const discovery = dnsSettings(model);
    const rediscover = !isDeepStrictEqual(discovery, dnsSettings(last.cluster.value));
    if (rediscover || next.assignment.value !== last.assignment.value) this.#discover(next);
  }

  /** Resolves when the endpoints are known as far as they can be: at once, but for names that must be resolved first. */
  get warm(): Promise<void> {
    return this.#dns?.warm ?? Promise.resolve();
  }

  #rebalance(model: Cluster): void {
    const policy = this.#policyOf(model);
    this.policy = policy.kind;
    this.balancer.configure(policy, this.#balancerOptions(model));
    this.#tick();
  }

  /** The pool of a slot that `balancer.pick` gave. */
  pool(slot: Slot): StreamSource {
    const address = this.balancer.address(slot);
    const known = this.#slotPools[slot];
    if (known?.target.address === address) return known;
    const pool = this.#pools.get(address) ?? new Http1Pool(this, this.#target(address));
    this.#pools.set(address, pool);
    this.#slotPools[slot] = pool;
    return pool;
  }

  /** For one tunnel to the endpoint of a slot. */
  tunnelDialer(slot: Slot): StreamSource {
    return new TunnelDialer(this, this.#target(this.balancer.address(slot)));
  }

  #target(address: string): PoolTarget {
    const endpoint = this.#endpoints.get(address);
    if (!endpoint) throw new Error(`the balancer chose "${address}", which is no endpoint of ${this.name}`);
    const { host, port, hostname, additionalAddresses } = endpoint;
    const tally = this.#tallies.get(address) ?? new ConnectionTally(this.counts);
    this.#tallies.set(address, tally);
    return { address, host, port, hostname, additionalAddresses, tally, tls: this.#sockets.for(endpoint) };
  }

  /** The endpoint's name for host rewrites; empty where the control plane gave none. */
  hostname(slot: Slot): string {
    return this.#endpoints.get(this.balancer.address(slot))?.hostname ?? "";
  }

  get responseLimits(): ResponseLimits {
    return this.#context.responseLimits;
  }

  get hasDescriptors(): boolean {
    return this.#siblings.connections <= this.#context.maxConnections;
  }

  open(host: string, port: number, { hostname, tls }: PoolTarget): Socket {
    const options = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: this.model.tcpKeepaliveMs ?? DEFAULT_TCP_KEEPALIVE_MS,
      highWaterMark: heldBytes(this.model.bufferLimitBytes),
      allowHalfOpen: true,
      autoSelectFamily: false,
    };
    return tls ? tls.wrap(net.connect(options), hostname) : connectReusing(options);
  }

  /** Probes read as streams do, which a connection that reads into memory of its own does not feed. */
  #openForProbe(endpoint: Endpoint, port: number, protocols?: readonly string[]): Socket {
    const socket = net.connect({ host: endpoint.host, port, noDelay: true, autoSelectFamily: false });
    const tls = this.#sockets.for(endpoint);
    return tls ? tls.wrap(socket, endpoint.hostname, protocols) : socket;
  }

  /** The category of EDS `drop_overloads` that takes this request, drawn in their order; empty: none. */
  drawDrop(): string {
    const { drops } = this.#configuration.assignment.value;
    for (let i = 0; i < drops.length; i++) {
      const { category, fraction } = drops[i] as { category: string; fraction: number };
      if (this.#context.random() < fraction) return category || "unnamed";
    }
    return "";
  }

  onStall(ms: number): void {
    this.balancer.onStall(ms);
  }

  /** The cluster was removed: requests under way end as they would, nothing new begins. */
  close(): void {
    this.#cancelTick?.();
    this.#dns?.close();
    this.#health.close();
    this.#closePools();
  }

  get idleConnections(): number {
    let idle = 0;
    for (const pool of this.#pools.values()) idle += pool.idleConnections;
    return idle;
  }

  view(): ClusterView {
    const { default: normal, high } = this.breakers;
    return {
      name: this.name,
      clusterVersion: this.clusterVersion,
      endpointsVersion: this.endpointsVersion,
      model: this.model,
      balancer: this.balancer.view(),
      connections: { ...this.counts },
      endpointConnections: this.#tallies,
      requests: {
        active: normal.requests + high.requests,
        pending: normal.pending + high.pending,
        retrying: normal.retries + high.retries,
      },
      overflows: {
        requests: normal.overflows.requests + high.overflows.requests,
        pending: normal.overflows.pending + high.overflows.pending,
        connections: normal.overflows.connections + high.overflows.connections,
        retries: normal.overflows.retries + high.overflows.retries,
      },
      open: { default: normal.open(this.counts.active), high: high.open(this.counts.active) },
    };
  }

  #policyOf(model: Cluster): ResolvedPolicy {
    return model.balancing.kind === "default" ? this.#context.defaultPolicy : model.balancing;
  }

  #createHealthChecks({ healthChecks }: Cluster): HealthChecks {
    const { clock, random } = this.#context;
    const context: HealthContext = {
      cluster: this.name,
      clock,
      random,
      open: (endpoint, port, protocols) => this.#openForProbe(endpoint, port, protocols),
      onHealth: (address, healthy) => this.balancer.onHealthCheck(address, healthy),
    };
    return new HealthChecks(context, healthChecks);
  }

  #createSockets(model: Cluster): TransportSockets {
    return new TransportSockets(model, this.clock, this.#context.logger);
  }

  #createBalancer(model: Cluster): Balancer {
    const { clock, random, onBalancerEvent } = this.#context;
    return createBalancer(this.#policyOf(model), this.#balancerOptions(model), {
      clock,
      random,
      onEvent: (event) => onBalancerEvent(this.name, event),
    });
  }

  #balancerOptions({ outlierDetection, panicThreshold, locality }: Cluster): BalancerOptions {
    return { outlierDetection, panicThreshold, locality, localZone: this.#context.localZone };
  }

  #discover({ cluster, assignment }: ClusterConfiguration): void {
    this.#dns?.close();
    this.#dns = undefined;
    if (!namesHosts(assignment.value)) {
      this.#takeEndpoints(assignment.value);
      return;
    }
    this.#dns = new DnsEndpoints(this.#context, dnsSettings(cluster.value), assignment.value, (resolved) =>
      this.#takeEndpoints(resolved),
    );
  }

  #takeEndpoints(assignment: ClusterLoadAssignment): void {
    const endpoints = new Map<string, Endpoint>();
    for (const locality of assignment.localities) {
      for (const endpoint of locality.endpoints) {
        endpoints.set(endpointAddress(endpoint.host, endpoint.port), endpoint);
      }
    }
    this.#endpoints = endpoints;
    this.#assignment = assignment;
    this.balancer.update(assignment);
    this.#health.update(endpoints);
    for (const [address, pool] of this.#pools) {
      const endpoint = endpoints.get(address);
      if (endpoint && this.#sockets.for(endpoint) === pool.target.tls) continue;
      pool.close();
      this.#pools.delete(address);
    }
    for (const address of this.#tallies.keys()) {
      if (!endpoints.has(address)) this.#tallies.delete(address);
    }
    // An address that comes back later gets a new pool.
    this.#slotPools = [];
  }

  #closePools(): void {
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
    this.#slotPools = [];
  }

  #tick(): void {
    this.#cancelTick?.();
    this.#cancelTick = this.#context.clock.after(this.balancer.tick(), () => this.#tick());
  }
}

/** A peer that lost its power sends no FIN; without probes its connections would stand for hours. */
const DEFAULT_TCP_KEEPALIVE_MS = 15_000;

/** Names in a cluster that is not of a DNS type are resolved too, as STRICT_DNS with Envoy's defaults. */
function dnsSettings({ discovery }: Cluster): DnsSettings {
  if (discovery.kind === "dns") return discovery;
  return { logical: false, refreshMs: 5_000, respectTtl: false, families: "v4_preferred" };
}

function tlsSettings({ tls, tlsMatches }: Cluster): readonly unknown[] {
  return [tls, tlsMatches];
}

function balancingSettings(model: Cluster): readonly unknown[] {
  return [model.balancing, model.locality, model.panicThreshold, model.outlierDetection];
}

function connectionSettings(model: Cluster): readonly unknown[] {
  return [tlsSettings(model), model.protocol, model.tcpKeepaliveMs];
}
