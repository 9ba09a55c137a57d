import type { Cancel, Clock } from "../common/clock.ts";
import type { Problem } from "../common/problem.ts";
import { CacheEntry } from "./client-entry.ts";
import { describeErrors, nackDetail, type Rejection } from "./client-nack.ts";
import { type AnyResource, type ResourceDecoder, sortResources } from "./client-response.ts";

/** The part of a DiscoveryRequest that belongs to one type; the stream adds the node. */
export interface SotwRequest {
  readonly typeUrl: string;
  /** The newest version accepted whole; empty for none. */
  readonly versionInfo: string;
  /** The newest nonce of this type on this stream; empty before the first response. */
  readonly responseNonce: string;
  /** Always the full set; empty for the wildcard. */
  readonly resourceNames: readonly string[];
  /** Present: a NACK. */
  readonly errorDetail: string | undefined;
}

/** The part of a DiscoveryResponse that is looked at. */
export interface SotwResponse {
  readonly typeUrl: string;
  readonly versionInfo: string;
  readonly nonce: string;
  readonly resources: readonly AnyResource[];
  /** Names the server cannot deliver, and why (`resource_errors`, TP3). */
  readonly errors: readonly { readonly name: string; readonly reason: string }[];
}

/** What a response did, for the log, the counters and whoever builds the configuration. */
export interface SotwOutcome {
  /** The ACK or NACK: every response gets one (a skipped one leaves a stale nonce behind). */
  readonly request: SotwRequest;
  /** True when a value in use, or whether one is awaited, changed. Identical content changes nothing. */
  readonly changed: boolean;
  readonly rejections: readonly Rejection[];
  readonly warnings: readonly { readonly name: string; readonly problem: Problem }[];
  /** Resources that nobody asked for: ignored, not refused (A27). */
  readonly superfluous: number;
  /** Resources whose new content is now in use. */
  readonly updated: number;
}

export interface SubscriptionStatus {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  readonly names: readonly string[];
  readonly version: string;
  readonly responses: number;
  /** Wall times in ms. */
  readonly lastAck: { readonly version: string; readonly at: number } | undefined;
  readonly lastNack: { readonly version: string; readonly at: number; readonly reason: string } | undefined;
}

export interface SotwOptions {
  readonly clock: Clock;
  /** Called when the wait for resources ended without an answer. */
  readonly onTimeout: (names: readonly string[]) => void;
}

/** How long the first answer to a wildcard may take before nobody waits for it any longer, in ms (`initial_fetch_timeout`). */
const WILDCARD_TIMEOUT_MS = 15_000;

/**
 * One resource type of a state-of-the-world ADS client: what is wanted, what is held, and what to answer. Without I/O: the stream
 * tells it when it opened and closed and passes responses; it sends what it is given back. The rules are those of Envoy's
 * `xds_protocol.rst` and of gRFC A27, A40, A46, A57 and A88.
 *
 * The wildcard is the empty list on the first request of a stream, which every server understands. Named types never ask for all.
 */
export class SotwSubscription<T> {
  readonly #type: ResourceDecoder<T>;
  readonly #clock: Clock;
  readonly #onTimeout: (names: readonly string[]) => void;
  readonly #wildcard: boolean;
  readonly #entries = new Map<string, CacheEntry<T>>();
  /** Stands for the whole set of a wildcard: settled by the first response, or by the end of the wait for it. */
  readonly #all = new CacheEntry<never>("*");
  /** Wanted names, each with the time to wait for it in ms (0: for ever). */
  #wanted: ReadonlyMap<string, number> = new Map();
  #open = false;
  #nonce = "";
  #version = "";
  #responses = 0;
  #lastAck: SubscriptionStatus["lastAck"];
  #lastNack: SubscriptionStatus["lastNack"];
  #cancelTimer: Cancel | undefined;

  /** `wildcard` types take every resource the server has for this node; the others take what `want` names. */
  constructor(type: ResourceDecoder<T>, wildcard: boolean, options: SotwOptions) {
    this.#type = type;
    this.#wildcard = wildcard;
    this.#clock = options.clock;
    this.#onTimeout = options.onTimeout;
  }

  get entries(): ReadonlyMap<string, CacheEntry<T>> {
    return this.#entries;
  }

  /** True once nothing more is awaited: every wanted name is settled, the wildcard was answered. */
  get complete(): boolean {
    if (this.#wildcard) return this.#all.settled;
    return this.#entries.values().every((entry) => entry.settled);
  }

  status(): SubscriptionStatus {
    return {
      typeUrl: this.#type.typeUrl,
      wildcard: this.#wildcard,
      names: [...this.#wanted.keys()],
      version: this.#version,
      responses: this.#responses,
      lastAck: this.#lastAck,
      lastNack: this.#lastNack,
    };
  }

  /** A stream is up. Nonces belong to a stream, versions and resources outlive it. */
  open(): SotwRequest | undefined {
    this.#open = true;
    this.#nonce = "";
    if (!this.#wildcard && this.#wanted.size === 0) return undefined;
    return this.#request(undefined);
  }

  /** The stream is gone: nothing can arrive, so nothing can be overdue. */
  close(): void {
    this.#open = false;
    for (const entry of this.#awaited()) entry.deadline = undefined;
    this.#arm();
  }

  /**
   * Replaces the set of wanted names; `timeouts` maps each to its initial fetch timeout in ms, 0 for none. What is no longer wanted
   * is dropped from the cache. Returns the request that tells the server, if it must be told now.
   */
  want(timeouts: ReadonlyMap<string, number>): SotwRequest | undefined {
    let changed = false;
    for (const name of this.#wanted.keys()) {
      if (timeouts.has(name)) continue;
      this.#entries.delete(name);
      changed = true;
    }
    for (const name of timeouts.keys()) {
      if (this.#entries.has(name)) continue;
      this.#entries.set(name, new CacheEntry(name));
      changed = true;
    }
    this.#wanted = timeouts;
    if (!changed || !this.#open) return undefined;
    return this.#request(undefined);
  }

  /**
   * Takes what is good in a response, keeps the last good content of what is not, and says what to answer. Yields while it reads,
   * and changes nothing before it has read all: it may be abandoned when the stream ends. Nothing else may be asked of this
   * subscription meanwhile except `status` and `close`.
   */
  *receive(response: SotwResponse): Generator<void, SotwOutcome> {
    const wanted = (name: string) => this.#wildcard || this.#wanted.has(name);
    const sorted = yield* sortResources(response.resources, this.#type, this.#entries, wanted);
    this.#nonce = response.nonce;
    this.#responses++;
    this.#all.confirm(response.versionInfo);
    const wall = this.#clock.wall();
    const version = response.versionInfo;
    let changed = sorted.fresh.size > 0;

    for (const name of sorted.same) this.#entry(name).confirm(version);
    for (const [name, { value, bytes }] of sorted.fresh)
      this.#entry(name).accept(value, bytes, version, wall);
    for (const rejection of sorted.rejections) {
      if (!sorted.seen.has(rejection.name)) continue;
      const entry = this.#entry(rejection.name);
      changed ||= !entry.settled;
      entry.reject(describeErrors(rejection), version, wall);
    }
    const reported = new Set(sorted.seen);
    for (const { name, reason } of response.errors) {
      const entry = this.#entries.get(name);
      if (entry === undefined || reported.has(name)) continue;
      reported.add(name);
      changed ||= !entry.settled;
      entry.reportError(reason, wall);
    }
    // A resource whose name cannot be read might be any of those that seem to be missing: nothing is deleted on its account.
    if (this.#type.fullState && !sorted.nameless && this.#removeAllBut(reported, wall)) changed = true;
    this.#arm();

    return {
      request: this.#answer(version, sorted.rejections, wall),
      changed,
      rejections: sorted.rejections,
      warnings: sorted.warnings,
      superfluous: sorted.superfluous,
      updated: sorted.fresh.size,
    };
  }

  #entry(name: string): CacheEntry<T> {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = new CacheEntry(name);
      this.#entries.set(name, entry);
    }
    return entry;
  }

  /**
   * Deletion by absence. A name that was never delivered is not deleted by that: the response may be older than the request for it,
   * so only the timer may say that it does not exist.
   */
  #removeAllBut(seen: ReadonlySet<string>, wall: number): boolean {
    let changed = false;
    for (const [name, entry] of this.#entries) {
      if (seen.has(name)) continue;
      if (entry.value !== undefined) changed = true;
      if (this.#wildcard) this.#entries.delete(name);
      else if (entry.value !== undefined) entry.remove(wall);
    }
    return changed;
  }

  #answer(version: string, rejections: readonly Rejection[], wall: number): SotwRequest {
    if (rejections.length === 0) {
      this.#version = version;
      this.#lastAck = { version, at: wall };
      return this.#request(undefined);
    }
    const reason = nackDetail(rejections);
    this.#lastNack = { version, at: wall, reason };
    return this.#request(reason);
  }

  #request(errorDetail: string | undefined): SotwRequest {
    this.#startWaiting();
    return {
      typeUrl: this.#type.typeUrl,
      versionInfo: this.#version,
      responseNonce: this.#nonce,
      resourceNames: this.#wildcard ? [] : [...this.#wanted.keys()],
      errorDetail,
    };
  }

  /** The clock runs for a name only while a live stream has asked for it, or a slow connection would look like a deletion (A57). */
  #startWaiting(): void {
    const now = this.#clock.now();
    if (this.#wildcard && !this.#all.settled) this.#all.deadline ??= now + WILDCARD_TIMEOUT_MS;
    for (const [name, timeoutMs] of this.#wanted) {
      const entry = this.#entries.get(name);
      if (entry === undefined || entry.settled || entry.deadline !== undefined || timeoutMs === 0) continue;
      entry.deadline = now + timeoutMs;
    }
    this.#arm();
  }

  *#awaited(): Generator<CacheEntry<unknown>> {
    yield this.#all;
    yield* this.#entries.values();
  }

  /** One timer for the earliest deadline, however many names wait. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of this.#awaited()) earliest = Math.min(earliest, entry.deadline ?? earliest);
    if (earliest === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#clock.after(earliest - this.#clock.now(), () => this.#expire());
  }

  #expire(): void {
    const now = this.#clock.now();
    const names: string[] = [];
    for (const entry of this.#awaited()) {
      if (entry.deadline === undefined || entry.deadline > now) continue;
      entry.expire(this.#clock.wall());
      names.push(entry.name);
    }
    this.#arm();
    if (names.length > 0) this.#onTimeout(names);
  }
}
