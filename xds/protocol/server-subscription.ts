import type { ServedResource } from "./server-snapshot.ts";

/** One DiscoveryRequest for one type, as far as the subscription cares. */
export interface SubscriptionRequest {
  readonly names: readonly string[];
  /** Nonce of the response that this answers; empty on the first request. */
  readonly nonce: string;
  /** `error_detail.message` of a NACK; undefined when there is none. Its presence alone makes a NACK. */
  readonly error: string | undefined;
}

export type Answer = "ack" | "nack" | "stale" | "subscribe";

/** A response that is due. */
export interface Update {
  readonly resources: readonly ServedResource[];
  /** Names that the client held and that the response takes away by leaving them out. */
  readonly removed: readonly string[];
}

/** Where the resources of the type are looked up: all that exist, by name. */
export type Available = ReadonlyMap<string, ServedResource>;

export interface Rejection {
  readonly version: string;
  readonly reason: string;
  /** Wall time in ms. */
  readonly at: number;
}

const SHOWN_NAMES = 1_000;

/**
 * What one stream wants and holds of one resource type in the state-of-the-world variant (xDS protocol, "ACK/NACK and
 * resource type instance version", "How the client specifies what resources to return"). No I/O, no snapshot of its own.
 *
 * What is due is decided by what was sent, never by the version a client claims: a client that rejects keeps claiming the
 * old version, and comparing versions would send the rejected content again for ever.
 */
export class ServerSubscription {
  /** LDS and CDS: every response is the whole set, so leaving a name out deletes it. Only these know the wildcard. */
  readonly fullState: boolean;
  #wildcard = false;
  #names = new Set<string>();
  /** Once a name was sent, an empty list means "nothing", no longer "all" (gRFC A28, "legacy wildcard"). */
  #everNamed = false;
  readonly #held = new Map<string, ServedResource>();
  readonly #again = new Set<string>();
  #answeredAtLeastOnce = false;
  #changed = true;

  #nonce = "";
  #sentVersion = "";
  #sentAt = 0;
  #awaiting = false;
  /** Whether the newest response was rejected. */
  #rejected = false;
  #acceptedVersion = "";
  #acceptedAt = 0;
  #rejection: Rejection | undefined;

  constructor(fullState: boolean) {
    this.fullState = fullState;
  }

  /** A response is out and neither accepted nor rejected: the next one waits, so that a silent client costs no memory. */
  get awaiting(): boolean {
    return this.#awaiting;
  }

  /** The last rejection, until something newer is accepted. */
  get rejection(): Rejection | undefined {
    return this.#rejection;
  }

  /** What the client was sent and still wants. */
  get held(): ReadonlyMap<string, ServedResource> {
    return this.#held;
  }

  onRequest(request: SubscriptionRequest, wall: number): Answer {
    // A nonce kept from an earlier stream is not stale on the first request: there is nothing yet to compare it with.
    if (request.nonce !== "" && this.#nonce !== "" && request.nonce !== this.#nonce) return "stale";
    this.#subscribe(request.names);
    for (const name of this.#again) if (this.#held.delete(name)) this.#changed = true;
    this.#again.clear();
    if (request.nonce === "" || this.#nonce === "") return "subscribe";
    // A rejection counts although the response was taken for accepted: a client may have changed its names while it was still
    // reading. It counts once, so that repeating it costs nothing.
    if (request.error !== undefined) {
      this.#awaiting = false;
      if (this.#rejected) return "subscribe";
      this.#rejected = true;
      this.#rejection = { version: this.#sentVersion, reason: request.error, at: wall };
      return "nack";
    }
    if (!this.#awaiting) return "subscribe";
    this.#awaiting = false;
    this.#rejection = undefined;
    this.#acceptedVersion = this.#sentVersion;
    this.#acceptedAt = wall;
    return "ack";
  }

  #subscribe(names: readonly string[]): void {
    const before = this.#names;
    const wildcardBefore = this.#wildcard;
    this.#names = new Set(names);
    const explicit = this.#names.delete("*");
    this.#wildcard = this.fullState && (explicit || (names.length === 0 && !this.#everNamed));
    if (names.length > 0) this.#everNamed = true;
    if (this.#wildcard !== wildcardBefore) this.#changed = true;
    // A newly named resource is sent even if it was sent before: the client may have thrown it away in between.
    for (const name of this.#names) {
      if (before.has(name)) continue;
      this.#held.delete(name);
      this.#changed = true;
    }
    if (this.#wildcard) return;
    for (const name of this.#held.keys()) if (!this.#names.has(name)) this.#held.delete(name);
  }

  /** The resources may have changed since the last look. */
  onChange(): void {
    this.#changed = true;
  }

  /**
   * Answers the next request with this resource, changed or not. A client warms a changed cluster anew and asks for its
   * endpoints again, with the nonce and names it has already sent; silence would cost it its fetch timeout.
   */
  sendAgain(name: string): void {
    if (this.#held.has(name)) this.#again.add(name);
  }

  /** What is due now, leaving aside whether it may be sent yet. */
  due(available: Available): Update | undefined {
    if (!this.#changed) return undefined;
    const wanted: ServedResource[] = [];
    const fresh: ServedResource[] = [];
    for (const resource of this.#wanted(available)) {
      wanted.push(resource);
      if (this.#held.get(resource.name)?.version !== resource.version) fresh.push(resource);
    }
    const removed: string[] = [];
    if (this.fullState) {
      for (const name of this.#held.keys()) if (!available.has(name)) removed.push(name);
    }
    // An empty mesh is an answer too: a client waits for the first response before it goes on.
    const first = this.#wildcard && !this.#answeredAtLeastOnce;
    if (fresh.length === 0 && removed.length === 0 && !first) {
      this.#changed = false;
      return undefined;
    }
    return { resources: this.fullState ? wanted : fresh, removed };
  }

  *#wanted(available: Available): Iterable<ServedResource> {
    if (this.#wildcard) {
      yield* available.values();
      return;
    }
    for (const name of this.#names) {
      const resource = available.get(name);
      if (resource) yield resource;
    }
  }

  onSent(update: Update, version: string, nonce: string, wall: number): void {
    for (const name of update.removed) this.#held.delete(name);
    for (const resource of update.resources) {
      this.#held.set(resource.name, resource);
      this.#again.delete(resource.name);
    }
    this.#nonce = nonce;
    this.#sentVersion = version;
    this.#sentAt = wall;
    this.#awaiting = true;
    this.#rejected = false;
    this.#answeredAtLeastOnce = true;
    this.#changed = false;
  }

  /** For people, so of very many names only the first are there. Times are wall time in ms, 0 for never. */
  status() {
    return {
      wildcard: this.#wildcard,
      names: [...this.#names.values().take(SHOWN_NAMES)],
      namesTotal: this.#names.size,
      held: this.#held.size,
      sent: { version: this.#sentVersion, nonce: this.#nonce, at: this.#sentAt },
      accepted: { version: this.#acceptedVersion, at: this.#acceptedAt },
      rejected: this.#rejection,
      awaiting: this.#awaiting,
    };
  }
}

export type SubscriptionStatus = ReturnType<ServerSubscription["status"]>;
