import type { Versioned } from "../model/configuration.ts";

/**
 * What is known of one resource (gRFC A40, `ClientResourceStatus` of CSDS).
 *
 * - `requested`: asked for, no answer yet.
 * - `acked`: the newest content received is in use.
 * - `nacked`: the newest content was refused; an older one, if there was any, stays in use.
 * - `does_not_exist`: the server says so.
 * - `timeout`: asked for on a live stream and not delivered in time (gRFC A57); an answer that comes later is still taken.
 * - `received_error`: the server reported an error for it; an older content stays in use (gRFC A88).
 */
export type EntryState = "requested" | "acked" | "nacked" | "does_not_exist" | "timeout" | "received_error";

/** The newest thing that went wrong with a resource. */
export interface EntryFailure {
  /** The version of the response that was refused; empty where there was none. */
  readonly version: string;
  readonly reason: string;
  /** Wall time in ms. */
  readonly at: number;
}

/** Reasons are kept for display; a hostile resource with thousands of faults must not fill memory. */
const LONGEST_REASON = 1024;

/** One resource in the client's cache: a small state machine that never forgets the last good value because of a bad one. */
export class CacheEntry<T> {
  readonly name: string;
  #state: EntryState = "requested";
  #value: Versioned<T> | undefined;
  #bytes: Uint8Array | undefined;
  #version = "";
  #failure: EntryFailure | undefined;
  /** Monotonic ms at which waiting ends; undefined while nothing is awaited. */
  deadline: number | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get state(): EntryState {
    return this.#state;
  }

  /** The last good content. Its identity changes only when the bytes do. */
  get value(): Versioned<T> | undefined {
    return this.#value;
  }

  /** The last good content as it was delivered. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /** The newest version under which the content in use was delivered. */
  get version(): string {
    return this.#version;
  }

  get failure(): EntryFailure | undefined {
    return this.#failure;
  }

  /** True once there is an answer of any kind, so that nobody has to wait for it any longer. */
  get settled(): boolean {
    return this.#state !== "requested" || this.#value !== undefined;
  }

  /** True when these bytes are those in use: decoding them again would give the same value. */
  holds(bytes: Uint8Array): boolean {
    return this.#bytes !== undefined && Buffer.compare(this.#bytes, bytes) === 0;
  }

  accept(value: T, bytes: Uint8Array, version: string, wall: number): void {
    this.#value = { value, version, since: wall };
    // A copy: the bytes are a view of the whole response, which would stay in memory with them.
    this.#bytes = bytes.slice();
    this.confirm(version);
  }

  /** The content in use was delivered again. */
  confirm(version: string): void {
    this.#version = version;
    this.#settle("acked");
    this.#failure = undefined;
  }

  /** A refused resource counts as seen: the server knows it, so it is not reported as missing (gRFC A57). */
  reject(reason: string, version: string, wall: number): void {
    this.#settle("nacked");
    this.#fail(reason, version, wall);
  }

  reportError(reason: string, wall: number): void {
    this.#settle("received_error");
    this.#fail(reason, "", wall);
  }

  remove(wall: number): void {
    this.#settle("does_not_exist");
    this.#value = undefined;
    this.#bytes = undefined;
    this.#fail("the control server deleted it", "", wall);
  }

  expire(wall: number): void {
    this.#settle("timeout");
    this.#fail("not delivered within its initial fetch timeout", "", wall);
  }

  #settle(state: EntryState): void {
    this.#state = state;
    this.deadline = undefined;
  }

  #fail(reason: string, version: string, at: number): void {
    const bounded =
      reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)} (truncated)` : reason;
    this.#failure = { version, reason: bounded, at };
  }
}
