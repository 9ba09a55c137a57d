import type { BackoffPolicy } from "../common/backoff.ts";
import type { Cancel, Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { describeProblem } from "../common/problem.ts";
import type { Random } from "../common/random.ts";
import type { Cluster } from "../model/cluster.ts";
import { type Configuration, EMPTY_CONFIGURATION, type Versioned } from "../model/configuration.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import type { Listener } from "../model/listener.ts";
import type { RouteTable } from "../model/route-table.ts";
import type { Node } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import { type SotwOutcome, type SotwRequest, SotwSubscription } from "../protocol/client-sotw.ts";
import { AdsConnection, RECONNECT_BACKOFF } from "./ads-connection.ts";
import type { AdsTransport } from "./ads-transport.ts";
import { type ClientCounters, typeStatus, type XdsStatus } from "./client-status.ts";
import { type Plan, planConfiguration } from "./configuration-tree.ts";
import type { Decoders } from "./decoders.ts";
import { decodeResponse, encodeRequest } from "./discovery-messages.ts";
import { runSliced } from "./sliced-work.ts";

export interface XdsClientOptions {
  /** Undefined: static configuration only. */
  readonly transport: AdsTransport | undefined;
  /** Which resources the server is asked for without being named by others. Default both. */
  readonly roots?: { readonly listeners: boolean; readonly clusters: boolean };
  readonly node: Node;
  readonly staticListeners: readonly Versioned<Listener>[];
  readonly staticClusters: readonly Versioned<Cluster>[];
  readonly decoders: Decoders;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default RECONNECT_BACKOFF. */
  readonly backoff?: BackoffPolicy;
  /** Shortest time between two configurations, in ms; the first comes at once. Default 50. */
  readonly applyIntervalMs?: number;
  /** How long reading a response may hold the event loop at a time, in ms. Default 5. */
  readonly sliceMs?: number;
  /** Takes over the whole configuration; called with a new one only. */
  readonly onConfiguration: (next: Configuration) => void;
}

const APPLY_INTERVAL_MS = 50;
const SLICE_MS = 5;

/** Warnings are logged once per resource and field; beyond this many different ones they are only counted. */
const REMEMBERED_WARNINGS = 1000;

/**
 * The sidecar's side of xDS: keeps a state-of-the-world ADS stream to the control server and turns what arrives into one consistent
 * `Configuration` after another. Nothing that comes off the wire makes it throw or forget: what is bad is refused with its reason
 * and what was good before stays in use, also when the server is gone.
 */
export class XdsClient {
  readonly #options: XdsClientOptions;
  readonly #connection: AdsConnection | undefined;
  readonly #clusters: SotwSubscription<Cluster>;
  readonly #assignments: SotwSubscription<ClusterLoadAssignment>;
  readonly #listeners: SotwSubscription<Listener>;
  readonly #routeTables: SotwSubscription<RouteTable>;
  /** In the order in which a new stream asks: make before break, so clusters before the routes that name them. */
  readonly #types: ReadonlyMap<string, SotwSubscription<unknown>>;
  readonly #counters = {
    responses: 0,
    accepted: 0,
    rejected: 0,
    warnings: 0,
    superfluous: 0,
    unreadable: 0,
    configurations: 0,
  } satisfies ClientCounters;
  readonly #warned = new Set<string>();
  readonly #loggedNacks = new Map<string, string>();
  #nodeSent = false;
  /** The newest plan; its configuration may be ahead of the one in use by less than the apply interval. */
  #plan: Plan = {
    configuration: EMPTY_CONFIGURATION,
    routeTables: new Map(),
    assignments: new Map(),
    warming: { clusters: [], listeners: [] },
  };
  #inUse: Configuration = EMPTY_CONFIGURATION;
  #appliedAt = Number.NEGATIVE_INFINITY;
  #cancelApply: Cancel | undefined;
  #initialized = false;
  /** A response is being read in slices: what it is compared with must not change meanwhile. */
  #reading = false;
  #cancelReading: Cancel | undefined;
  #replanDue = false;
  #closed = false;

  constructor(options: XdsClientOptions) {
    this.#options = options;
    const {
      clock,
      decoders,
      logger,
      random,
      transport,
      roots = { listeners: true, clusters: true },
    } = options;
    const awaited = (what: string) => ({
      clock,
      onTimeout: (names: readonly string[]) => {
        logger.warn({ names: names.slice(0, 20), count: names.length }, `${what} did not come in time`);
        this.#replan();
      },
    });
    this.#clusters = new SotwSubscription(decoders.cluster, roots.clusters, awaited("clusters"));
    this.#assignments = new SotwSubscription(decoders.assignment, false, awaited("endpoints"));
    this.#listeners = new SotwSubscription(decoders.listener, roots.listeners, awaited("listeners"));
    this.#routeTables = new SotwSubscription(decoders.routeTable, false, awaited("routes"));
    this.#types = new Map<string, SotwSubscription<unknown>>([
      [decoders.cluster.typeUrl, this.#clusters],
      [decoders.assignment.typeUrl, this.#assignments],
      [decoders.listener.typeUrl, this.#listeners],
      [decoders.routeTable.typeUrl, this.#routeTables],
    ]);
    if (transport !== undefined) {
      this.#connection = new AdsConnection({
        transport,
        backoff: options.backoff ?? RECONNECT_BACKOFF,
        clock,
        random,
        logger,
        onOpen: () => this.#onOpen(),
        onMessage: (bytes) => this.#onMessage(bytes),
        onClose: () => this.#onClose(),
      });
    }
  }

  /** The configuration that was handed out last. */
  get configuration(): Configuration {
    return this.#inUse;
  }

  /** Puts the static configuration to use, before it returns, and starts to connect. */
  start(): void {
    this.#replan();
    this.#connection?.start();
  }

  /** Ends the stream and all timers. The configuration stays as it is. */
  close(): void {
    this.#closed = true;
    this.#cancelApply?.();
    this.#connection?.close();
    this.#onClose();
  }

  status(): XdsStatus {
    return {
      servers: this.#connection === undefined ? [] : [this.#connection.status()],
      initialized: this.#initialized,
      types: this.#connection === undefined ? [] : Array.from(this.#types.values(), typeStatus),
      warming: this.#plan.warming,
      counters: { ...this.#counters },
    };
  }

  #onOpen(): void {
    this.#nodeSent = false;
    for (const type of this.#types.values()) this.#send(type.open());
  }

  #send(request: SotwRequest | undefined): void {
    if (request === undefined) return;
    this.#connection?.send(encodeRequest(request, this.#nodeSent ? undefined : this.#options.node));
    this.#nodeSent = true;
  }

  #onMessage(bytes: Uint8Array): void {
    const response = decodeResponse(bytes);
    const type = response && this.#types.get(response.typeUrl);
    if (response === undefined || type === undefined) {
      this.#counters.unreadable++;
      const what =
        response === undefined ? "that is no DiscoveryResponse" : "of a type that was not asked for";
      const context = { bytes: bytes.length, typeUrl: response?.typeUrl.slice(0, 200) };
      this.#warnOnce(`message ${what}`, () =>
        this.#options.logger.warn(context, `ignored a message of the control server ${what}`),
      );
      return;
    }
    this.#counters.responses++;
    this.#reading = true;
    const { clock, sliceMs = SLICE_MS } = this.#options;
    this.#cancelReading = runSliced(
      type.receive(response),
      { clock, sliceMs, defer: setImmediate },
      (outcome) => {
        this.#reading = false;
        this.#connection?.resume();
        this.#send(outcome.request);
        this.#report(response.typeUrl, response.versionInfo, outcome);
        if (outcome.changed || this.#replanDue || !this.#initialized) this.#replan();
      },
    );
    if (this.#reading) this.#connection?.pause();
  }

  #onClose(): void {
    this.#cancelReading?.();
    this.#reading = false;
    for (const type of this.#types.values()) type.close();
    if (this.#replanDue) this.#replan();
  }

  #report(typeUrl: string, version: string, outcome: SotwOutcome): void {
    const { logger } = this.#options;
    this.#counters.accepted += outcome.updated;
    this.#counters.rejected += outcome.rejections.length;
    this.#counters.superfluous += outcome.superfluous;
    this.#counters.warnings += outcome.warnings.length;
    const refusal = outcome.request.errorDetail;
    // A server that sends the same bad thing again and again is told so each time, the log only once.
    if (refusal !== undefined && this.#loggedNacks.get(typeUrl) !== refusal) {
      logger.error(
        { typeUrl, version, refusal },
        "refused resources of the control server, their last good content stays",
      );
    }
    if (refusal === undefined) this.#loggedNacks.delete(typeUrl);
    else this.#loggedNacks.set(typeUrl, refusal);
    for (const { name, problem } of outcome.warnings) {
      this.#warnOnce(`${typeUrl} ${name} ${problem.path}`, () =>
        logger.warn({ typeUrl, resource: name, path: problem.path }, describeProblem(problem)),
      );
    }
  }

  #warnOnce(key: string, log: () => void): void {
    if (this.#warned.has(key) || this.#warned.size >= REMEMBERED_WARNINGS) return;
    this.#warned.add(key);
    log();
  }

  /** Plans at once, so that the names a new cluster or listener needs are asked for without delay; hands out at the interval. */
  #replan(): void {
    this.#replanDue = this.#reading;
    if (this.#closed || this.#reading) return;
    const { clock, staticClusters, staticListeners } = this.#options;
    this.#plan = planConfiguration(this.#plan.configuration, {
      listeners: [...staticListeners, ...valuesOf(this.#listeners)],
      clusters: [...staticClusters, ...valuesOf(this.#clusters)],
      routeTable: (name) => this.#routeTables.entries.get(name),
      assignment: (name) => this.#assignments.entries.get(name),
      wall: clock.wall(),
    });
    this.#send(this.#assignments.want(this.#plan.assignments));
    this.#send(this.#routeTables.want(this.#plan.routeTables));
    this.#initialized ||= this.#complete();
    if (this.#plan.configuration === this.#inUse || this.#cancelApply !== undefined) return;
    const wait = this.#appliedAt + (this.#options.applyIntervalMs ?? APPLY_INTERVAL_MS) - clock.now();
    if (wait <= 0) this.#apply();
    else this.#cancelApply = clock.after(wait, () => this.#apply());
  }

  #complete(): boolean {
    const { clusters, listeners } = this.#plan.warming;
    if (clusters.length > 0 || listeners.length > 0) return false;
    return this.#connection === undefined || (this.#clusters.complete && this.#listeners.complete);
  }

  #apply(): void {
    this.#cancelApply = undefined;
    const next = { ...this.#plan.configuration, generation: this.#inUse.generation + 1 };
    this.#plan = { ...this.#plan, configuration: Object.freeze(next) };
    this.#inUse = next;
    this.#appliedAt = this.#options.clock.now();
    this.#counters.configurations++;
    try {
      this.#options.onConfiguration(next);
    } catch (error) {
      // The stream must go on: the next configuration may be one that the data plane can take.
      this.#options.logger.error(
        { err: error, generation: next.generation },
        "the configuration could not be applied",
      );
    }
  }
}

function* valuesOf<T>(subscription: SotwSubscription<T>): Generator<Versioned<T>> {
  for (const entry of subscription.entries.values()) if (entry.value !== undefined) yield entry.value;
}
