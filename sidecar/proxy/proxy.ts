import { hostname } from "node:os";
import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { Random } from "../../xds/common/random.ts";
import { TimerWheel } from "../../xds/common/timer-wheel.ts";
import type { Configuration } from "../../xds/model/configuration.ts";
import type { SocketAddress } from "../../xds/model/listener.ts";
import type { BalancerEvent } from "../balancing/balancer.ts";
import type { ResolvedPolicy } from "../balancing/index.ts";
import type { ExplainRequest, Explanation } from "../telemetry/explanation.ts";
import type { Recorder } from "../telemetry/facts.ts";
import { ClusterSet } from "../upstream/cluster-set.ts";
import type { ResolveName } from "../upstream/name-resolver.ts";
import { createNameResolver } from "../upstream/name-resolver.ts";
import { StallWatch } from "../upstream/stall-watch.ts";
import { TurnClock } from "../upstream/turn.ts";
import type { ClusterView, UpstreamCluster } from "../upstream/upstream-cluster.ts";
import { EvidencePool } from "./evidence-pool.ts";
import { explain } from "./explain.ts";
import { HttpService } from "./http-service.ts";
import type { ListenerView } from "./listener-set.ts";
import { ListenerSet } from "./listener-set.ts";
import type { ProxyContext, ProxyCounts, ProxyLimits } from "./proxy-context.ts";
import { DEFAULT_PROXY_LIMITS } from "./proxy-context.ts";
import { ReplayBudget } from "./request-body.ts";
import { WaitingCallers } from "./waiting-callers.ts";

export interface ProxyOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly recorder: Recorder;
  /** The policy of clusters that name none. Default adaptive. */
  readonly defaultPolicy?: ResolvedPolicy;
  /** The zone this sidecar runs in. Default unknown: zone awareness is off. */
  readonly localZone?: string;
  /** Where listeners without an address (api_listener) are bound. Default nowhere. */
  readonly apiListenerAddress?: SocketAddress;
  /** Default: the name servers of the system, by c-ares. */
  readonly resolveName?: ResolveName;
  readonly limits?: Partial<ProxyLimits>;
  readonly onBalancerEvent?: (cluster: string, event: BalancerEvent) => void;
}

export interface DrainOptions {
  /** The end of patience, in ms from now. */
  readonly deadlineMs: number;
  /** Not before this, however quiet it is: the application drains too, and still makes calls. Default 0. */
  readonly minimumMs?: number;
}

/** How often a drain looks whether it is quiet. */
const DRAIN_LOOK_MS = 50;
/**
 * For how long no connection may come before it is. Every response of a drain closes its connection, so a caller that goes on comes
 * anew; that nothing happens to be under way says little when requests take a millisecond.
 */
const DRAIN_QUIET_MS = 100;
/** How long a listener waits for the host names of its clusters. */
const WARMING_MS = 5_000;

/** The data plane: listeners in front, clusters behind, exchanges between. Works by the configuration last applied. */
export class SidecarProxy {
  readonly #context: ProxyContext;
  readonly #clusters: ClusterSet;
  readonly #listeners: ListenerSet;
  readonly #stalls: StallWatch;
  #applied: Configuration | undefined;

  constructor(options: ProxyOptions) {
    const { random, logger, recorder } = options;
    const clock = new TurnClock(options.clock);
    const limits = { ...DEFAULT_PROXY_LIMITS, ...options.limits };
    const wheel = new TimerWheel(clock);
    this.#clusters = new ClusterSet({
      clock,
      random,
      wheel,
      logger,
      resolveName: options.resolveName ?? createNameResolver(limits.dnsTimeoutMs),
      defaultPolicy: options.defaultPolicy ?? { kind: "adaptive" },
      localZone: options.localZone ?? "",
      onBalancerEvent: options.onBalancerEvent ?? (() => {}),
      maxConnections: limits.maxUpstreamConnections,
      responseLimits: {
        maxHeadBytes: limits.maxResponseHeadBytes,
        maxFields: limits.maxResponseFields,
        maxTargetBytes: limits.maxTargetBytes,
        maxChunkLineBytes: limits.maxChunkLineBytes,
        maxInformational: limits.maxInformationalResponses,
        allowUnframedTls: limits.allowUnframedTlsResponses,
      },
    });
    const counts: ProxyCounts = {
      exchanges: 0,
      attempts: 0,
      downstreamConnections: 0,
      acceptedConnections: 0,
      refusedConnections: 0,
      reclaimedConnections: 0,
      tunnels: 0,
      faults: 0,
      mirrors: 0,
      mirrorsDropped: 0,
    };
    this.#context = {
      clock,
      random,
      wheel,
      recorder,
      logger,
      limits,
      clusters: this.#clusters,
      replay: new ReplayBudget(limits.replayBytesTotal),
      evidence: new EvidencePool(),
      environment: { hostname: hostname(), variable: (name) => process.env[name] },
      viaName: `dashpot-${Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0")}`,
      counts,
      callers: new WaitingCallers(clock, logger, limits, counts),
    };
    this.#listeners = new ListenerSet(this.#context, options.apiListenerAddress);
    this.#stalls = new StallWatch(options.clock, (ms) => this.#clusters.onStall(ms));
  }

  /**
   * Works by `configuration` from now on; requests under way keep what they began with. Resolves when new ports are bound or
   * have failed. Clusters come first and go last, so that no request finds its cluster missing in between; listeners wait a while
   * for host names to be resolved.
   */
  async apply(configuration: Configuration): Promise<void> {
    this.#applied = configuration;
    this.#clusters.apply(configuration.clusters);
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#context.clock.after(WARMING_MS, resolve);
    await Promise.race([this.#clusters.warm(), promise]);
    cancel();
    if (this.#applied !== configuration) return;
    const opened = this.#listeners.apply(configuration);
    this.#clusters.prune();
    await opened;
  }

  listeners(): readonly ListenerView[] {
    return this.#listeners.views();
  }

  clusters(): readonly ClusterView[] {
    return Array.from(this.#clusters, (cluster) => cluster.view());
  }

  /** What would become of a request now. A dry run: nothing is sent. */
  explain(request: ExplainRequest): Explanation {
    const service = this.#listeners
      .services()
      .filter((candidate) => candidate instanceof HttpService)
      .find(({ routes }) => request.listener === "" || routes.listener === request.listener);
    return explain(request, service?.routes, this.#clusters);
  }

  cluster(name: string): UpstreamCluster | undefined {
    return this.#clusters.get(name);
  }

  /** What is held at the moment: all zero when nothing is going on, but for idle pooled connections. */
  counts(): ProxyCounts & {
    readonly waitingConnections: number;
    readonly handshakes: number;
    readonly upstreamConnections: number;
    readonly idleUpstreamConnections: number;
    readonly timers: number;
    readonly replayBytes: number;
    readonly bufferedBytes: number;
  } {
    let idleUpstreamConnections = 0;
    for (const cluster of this.#clusters) idleUpstreamConnections += cluster.idleConnections;
    return {
      ...this.#context.counts,
      waitingConnections: this.#context.callers.size,
      handshakes: this.#context.callers.handshakes,
      upstreamConnections: this.#clusters.connections,
      idleUpstreamConnections,
      timers: this.#context.wheel.size,
      replayBytes: this.#context.replay.bytes,
      bufferedBytes: this.#bufferedBytes,
    };
  }

  get #bufferedBytes(): number {
    let bytes = 0;
    for (const service of this.#listeners.services()) bytes += service.bufferedBytes;
    return bytes;
  }

  /**
   * Gets ready to end: new and running requests are served on, but every response closes its connection and idle ones close
   * now. Resolves when no request is under way, every response is sent, no caller came for a moment and the minimum has passed, or at
   * the deadline.
   */
  drain({ deadlineMs, minimumMs = 0 }: DrainOptions): Promise<void> {
    const { callers, clock, counts } = this.#context;
    const begun = clock.now();
    let { acceptedConnections } = counts;
    let quietSince = begun;
    this.#listeners.drain();
    return new Promise((resolve) => {
      const look = (): void => {
        const now = clock.now();
        const passed = now - begun;
        const isServing = counts.exchanges > 0 || counts.tunnels > 0 || callers.size > 0;
        const busy = isServing || this.#bufferedBytes > 0;
        if (busy || counts.acceptedConnections !== acceptedConnections) quietSince = now;
        acceptedConnections = counts.acceptedConnections;
        const quiet = passed >= minimumMs && now - quietSince >= DRAIN_QUIET_MS;
        if (quiet || passed >= deadlineMs) resolve();
        else clock.after(Math.min(DRAIN_LOOK_MS, deadlineMs - passed), look);
      };
      look();
    });
  }

  /** Ends everything at once. */
  close(): void {
    this.#applied = undefined;
    this.#stalls.close();
    this.#context.callers.close();
    this.#listeners.close();
    this.#clusters.close();
  }
}

export function createProxy(options: ProxyOptions): SidecarProxy {
  return new SidecarProxy(options);
}
