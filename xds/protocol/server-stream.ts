import type { Clock } from "../common/clock.ts";
import {
  CDS,
  EDS,
  LDS,
  RDS,
  SERVED_TYPES,
  type ServedResource,
  type ServedTypeUrl,
  type Snapshot,
} from "./server-snapshot.ts";
import {
  type Answer,
  type Available,
  ServerSubscription,
  type SubscriptionStatus,
} from "./server-subscription.ts";

export interface StreamRequest {
  readonly typeUrl: string;
  readonly names: readonly string[];
  readonly nonce: string;
  readonly error: string | undefined;
}

export interface StreamResponse {
  readonly typeUrl: ServedTypeUrl;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ServedResource[];
}

/** What became of a request. `refused` ends the stream with that gRPC status. */
export type Outcome =
  | { readonly kind: Answer }
  | { readonly kind: "unknown_type" }
  | {
      readonly kind: "refused";
      readonly status: "INVALID_ARGUMENT" | "RESOURCE_EXHAUSTED";
      readonly reason: string;
    };

export interface StreamOptions {
  /** Default 100 000. */
  readonly maxNames: number;
  /**
   * How long a change waits, in ms, for a client that is slow to answer: removed clusters for the routes that no longer name
   * them, routes for the clusters they name. Lower: a slow client may meet a route without its cluster. Higher: it keeps
   * what is gone for longer. Default 5 000.
   */
  readonly orderWaitMs: number;
}

export const DEFAULT_STREAM_OPTIONS: StreamOptions = { maxNames: 100_000, orderWaitMs: 5_000 };

/** Kept for display; a client that asks for more unknown types than this is still only ignored. */
const MAX_UNKNOWN_TYPES = 16;

interface Retiring {
  readonly resource: ServedResource;
  readonly until: number;
}

/**
 * One aggregated stream in the state-of-the-world variant, without I/O: requests and snapshots go in, `next` says what to send.
 *
 * It keeps the order of xDS's "make before break": clusters, their endpoints, listeners, routes; and a cluster that is gone is
 * taken away only when the client has accepted the listeners and routes that no longer name it, or `orderWaitMs` later.
 * Endpoints never wait for the clusters' ACK: Envoy asks for endpoints first and accepts the clusters once they are warm,
 * so waiting would be a deadlock.
 */
export class ServerStream {
  readonly #clock: Clock;
  readonly #options: StreamOptions;
  readonly #subscriptions = new Map<ServedTypeUrl, ServerSubscription>();
  readonly #unknownTypes = new Set<string>();
  readonly #retiring = new Map<string, Retiring>();
  #snapshot: Snapshot;
  #nonces = 0;
  #heldBackUntil: number | undefined;

  constructor(snapshot: Snapshot, clock: Clock, options: StreamOptions = DEFAULT_STREAM_OPTIONS) {
    this.#snapshot = snapshot;
    this.#clock = clock;
    this.#options = options;
  }

  onRequest(request: StreamRequest): Outcome {
    if (request.typeUrl === "") {
      return {
        kind: "refused",
        status: "INVALID_ARGUMENT",
        reason: "type_url is empty on an aggregated stream",
      };
    }
    if (request.names.length > this.#options.maxNames) {
      const reason = `${request.names.length} resource names in one request, at most ${this.#options.maxNames} are allowed`;
      return { kind: "refused", status: "RESOURCE_EXHAUSTED", reason };
    }
    const typeUrl = SERVED_TYPES.find((served) => served === request.typeUrl);
    if (!typeUrl) {
      // Clients may ask for types of other servers; the watch stays open and quiet.
      if (this.#unknownTypes.size < MAX_UNKNOWN_TYPES) this.#unknownTypes.add(request.typeUrl.slice(0, 256));
      return { kind: "unknown_type" };
    }
    let subscription = this.#subscriptions.get(typeUrl);
    if (!subscription) {
      subscription = new ServerSubscription(typeUrl === CDS || typeUrl === LDS);
      this.#subscriptions.set(typeUrl, subscription);
    }
    return { kind: subscription.onRequest(request, this.#clock.wall()) };
  }

  onSnapshot(next: Snapshot): void {
    const before = this.#snapshot;
    this.#snapshot = next;
    for (const [typeUrl, subscription] of this.#subscriptions) {
      if (before.types.get(typeUrl)?.version !== next.types.get(typeUrl)?.version) subscription.onChange();
    }
    const clusters = next.types.get(CDS)?.resources;
    for (const name of this.#retiring.keys()) if (clusters?.has(name)) this.#retiring.delete(name);
    if (!this.#subscriptions.has(LDS) && !this.#subscriptions.has(RDS)) return;
    const until = this.#clock.now() + this.#options.orderWaitMs;
    for (const [name, resource] of this.#subscriptions.get(CDS)?.held ?? []) {
      if (!clusters?.has(name) && !this.#retiring.has(name)) this.#retiring.set(name, { resource, until });
    }
  }

  /** The next response to write; to be called again until there is none. Whoever calls it sends what it returns. */
  next(): StreamResponse | undefined {
    this.#retire();
    let heldBack = false;
    for (const typeUrl of SERVED_TYPES) {
      const subscription = this.#subscriptions.get(typeUrl);
      if (!subscription || subscription.awaiting) continue;
      const update = subscription.due(this.#available(typeUrl));
      if (!update) continue;
      if ((typeUrl === LDS || typeUrl === RDS) && this.#mustWaitForClusters()) {
        heldBack = true;
        continue;
      }
      if (typeUrl === CDS) this.#sendEndpointsAgain(subscription, update.resources);
      const version = this.#versionOf(typeUrl);
      const nonce = String(++this.#nonces);
      subscription.onSent(update, version, nonce, this.#clock.wall());
      return { typeUrl, version, nonce, resources: update.resources };
    }
    if (!heldBack) this.#heldBackUntil = undefined;
    return undefined;
  }

  /** When `next` should be asked again although nothing came in, by the clock's `now`; undefined: never. */
  wakeAt(): number | undefined {
    const now = this.#clock.now();
    let earliest =
      this.#heldBackUntil !== undefined && this.#heldBackUntil > now ? this.#heldBackUntil : undefined;
    for (const { until } of this.#retiring.values()) {
      if (earliest === undefined || until < earliest) earliest = until;
    }
    return earliest;
  }

  status(): { types: Record<string, SubscriptionStatus>; unknownTypes: string[]; retiring: string[] } {
    const types = Object.fromEntries([...this.#subscriptions].map(([type, sub]) => [type, sub.status()]));
    return { types, unknownTypes: [...this.#unknownTypes], retiring: [...this.#retiring.keys()] };
  }

  #available(typeUrl: ServedTypeUrl): Available {
    const resources: Available = this.#snapshot.types.get(typeUrl)?.resources ?? new Map();
    if (typeUrl !== CDS || this.#retiring.size === 0) return resources;
    const union = new Map(resources);
    for (const [name, { resource }] of this.#retiring) union.set(name, resource);
    return union;
  }

  /** Two different sets never carry one version: what still holds retired clusters says how many. */
  #versionOf(typeUrl: ServedTypeUrl): string {
    const version = this.#snapshot.types.get(typeUrl)?.version ?? "";
    return typeUrl === CDS && this.#retiring.size > 0 ? `${version}+${this.#retiring.size}` : version;
  }

  /** Takes retired clusters away once nothing the client follows can name them any more, or their time is up. */
  #retire(): void {
    if (this.#retiring.size === 0) return;
    const settled = this.#isSettled(LDS) && this.#isSettled(RDS);
    const now = this.#clock.now();
    for (const [name, { until }] of this.#retiring) {
      if (!settled && now < until) continue;
      this.#retiring.delete(name);
      this.#subscriptions.get(CDS)?.onChange();
    }
  }

  #isSettled(typeUrl: ServedTypeUrl): boolean {
    const subscription = this.#subscriptions.get(typeUrl);
    if (!subscription) return true;
    if (subscription.awaiting || subscription.rejection) return false;
    return subscription.due(this.#available(typeUrl)) === undefined;
  }

  /** Routes wait while clusters they may name cannot go out yet, because the client still owes an answer on the ones before. */
  #mustWaitForClusters(): boolean {
    const clusters = this.#subscriptions.get(CDS);
    if (!clusters?.awaiting || !clusters.due(this.#available(CDS))) return false;
    const now = this.#clock.now();
    this.#heldBackUntil ??= now + this.#options.orderWaitMs;
    return now < this.#heldBackUntil;
  }

  #sendEndpointsAgain(clusters: ServerSubscription, resources: readonly ServedResource[]): void {
    const endpoints = this.#subscriptions.get(EDS);
    if (!endpoints) return;
    for (const { name, version, assignment } of resources) {
      const held = clusters.held.get(name);
      if (assignment !== undefined && held?.version !== version) endpoints.sendAgain(assignment);
    }
  }
}
