import type { BackoffPolicy } from "../common/backoff.ts";
import type { Cancel, Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { Random } from "../common/random.ts";
import type { Cluster } from "../model/cluster.ts";
import { type Configuration, EMPTY_CONFIGURATION, type Versioned } from "../model/configuration.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import type { Listener } from "../model/listener.ts";
import type { RouteTable } from "../model/route-table.ts";
import type { Node } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import { NackPacing } from "../protocol/client-nack-pacing.ts";
import { type SotwRequest, SotwSubscription } from "../protocol/client-sotw.ts";
import { AdsConnection, RECONNECT_BACKOFF } from "./ads-connection.ts";
import type { AdsTransport } from "./ads-transport.ts";
import { ClientReport } from "./client-report.ts";
import { typeStatus, type XdsStatus } from "./client-status.ts";
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
  /** Static resources: in use from the start; they win over dynamic ones of the same name. */
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
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
  readonly #report: ClientReport;
  readonly #pacing: NackPacing;
  readonly #static: {
    readonly listeners: readonly Versioned<Listener>[];
    readonly clusters: readonly Versioned<Cluster>[];
  };
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
    this.#report = new ClientReport(logger);
    this.#pacing = new NackPacing(clock, (request) => this.#write(request));
    this.#static = {
      listeners: options.listeners.map((value) => asStatic(value, clock)),
      clusters: options.clusters.map((value) => asStatic(value, clock)),
    };
    const awaited = (what: string) => ({
      clock,
      onTimeout: (names: readonly string[]) => {
        this.#report.missing(what, names);
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

  /** True once the first complete configuration was there; stays true. */
  get initialized(): boolean {
    return this.#initialized;
  }

  status(): XdsStatus {
    return {
      servers: this.#connection === undefined ? [] : [this.#connection.status()],
      initialized: this.#initialized,
      types: this.#connection === undefined ? [] : Array.from(this.#types.values(), typeStatus),
      warming: this.#plan.warming,
      counters: { ...this.#report.counters(), configurations: this.#inUse.generation },
    };
  }

  /** The content of a resource in use, as the control server delivered it; undefined: there is none. */
  contentOf(typeUrl: string, name: string): Uint8Array | undefined {
    return this.#types.get(typeUrl)?.entries.get(name)?.bytes;
  }

  #onOpen(): void {
    this.#nodeSent = false;
    for (const type of this.#types.values()) this.#send(type.open());
  }

  #send(request: SotwRequest | undefined): void {
    if (request !== undefined) this.#pacing.send(request);
  }

  #write(request: SotwRequest): void {
    this.#connection?.send(encodeRequest(request, this.#nodeSent ? undefined : this.#options.node));
    this.#nodeSent = true;
  }

  #onMessage(bytes: Uint8Array): void {
    const response = decodeResponse(bytes);
    const type = response && this.#types.get(response.typeUrl);
    if (response === undefined || type === undefined) {
      this.#report.unreadable(bytes.length, response?.typeUrl);
      return;
    }
    this.#reading = true;
    const { clock, sliceMs = SLICE_MS } = this.#options;
    this.#cancelReading = runSliced(
      type.receive(response),
      { clock, sliceMs, defer: setImmediate },
      (outcome) => {
        this.#reading = false;
        this.#connection?.resume();
        this.#send(outcome.request);
        this.#report.response(response.typeUrl, response.versionInfo, outcome);
        if (outcome.changed || this.#replanDue || !this.#initialized) this.#replan();
      },
    );
    if (this.#reading) this.#connection?.pause();
  }

  #onClose(): void {
    this.#cancelReading?.();
    this.#pacing.clear();
    this.#reading = false;
    for (const type of this.#types.values()) type.close();
    if (this.#replanDue) this.#replan();
  }

  /** Plans at once, so that the names a new cluster or listener needs are asked for without delay; hands out at the interval. */
  #replan(): void {
    this.#replanDue = this.#reading;
    if (this.#closed || this.#reading) return;
    const { clock } = this.#options;
    this.#plan = planConfiguration(this.#plan.configuration, {
      listeners: [...this.#static.listeners, ...valuesOf(this.#listeners)],
      clusters: [...this.#static.clusters, ...valuesOf(this.#clusters)],
      routeTable: (name) => this.#routeTables.entries.get(name),
      assignment: (name) => this.#assignments.entries.get(name),
      wall: clock.wall(),
    });
    this.#send(this.#assignments.want(this.#plan.assignments));
    this.#send(this.#routeTables.want(this.#plan.routeTables));
    this.#apply();
    this.#initialized ||= this.#complete();
  }

  #apply(): void {
    const { clock } = this.#options;
    if (this.#plan.configuration === this.#inUse || this.#cancelApply !== undefined) return;
    const wait = this.#appliedAt + (this.#options.applyIntervalMs ?? APPLY_INTERVAL_MS) - clock.now();
    if (wait <= 0) {
      this.#handOut();
      return;
    }
    this.#cancelApply = clock.after(wait, () => {
      this.#cancelApply = undefined;
      this.#handOut();
      this.#initialized ||= this.#complete();
    });
  }

  #complete(): boolean {
    const { clusters, listeners } = this.#plan.warming;
    if (clusters.length > 0 || listeners.length > 0 || this.#plan.configuration !== this.#inUse) return false;
    return this.#connection === undefined || (this.#clusters.complete && this.#listeners.complete);
  }

  #handOut(): void {
    const next = { ...this.#plan.configuration, generation: this.#inUse.generation + 1 };
    this.#plan = { ...this.#plan, configuration: Object.freeze(next) };
    this.#inUse = next;
    this.#appliedAt = this.#options.clock.now();
    const { listeners, routeTables, clusters } = next;
    this.#options.logger.debug(
      {
        generation: next.generation,
        listeners: listeners.size,
        routeTables: routeTables.size,
        clusters: clusters.size,
      },
      "a new configuration is put to use",
    );
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

function asStatic<T>(value: T, clock: Clock): Versioned<T> {
  return { value, version: "static", since: clock.wall() };
}

function* valuesOf<T>(subscription: SotwSubscription<T>): Generator<Versioned<T>> {
  for (const entry of subscription.entries.values()) if (entry.value !== undefined) yield entry.value;
}
