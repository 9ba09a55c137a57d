import type { Socket } from "node:net";
import type { Cancel, Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import { acceptReusing } from "../upstream/read-buffers.ts";
import { resetSocket } from "../upstream/reset-socket.ts";
import type { ConnectionService } from "./connection-service.ts";

/** A connection that rests for less is likely to carry its next request in a moment. */
const RESTED_MS = 1_000;
/** Looking for connections that rest takes time that grows with their number, so it is not done for each caller. */
const LOOK_MS = 100;
/** The bound counts as met until so much of it is free again: a service at its bound is told of once and not at every call. */
const FREE_AGAIN = 0.1;

export interface CallerLimits {
  /** Downstream connections over all listeners that are served; further ones wait. Default 10 000. */
  readonly maxDownstreamConnections: number;
  /** Those that wait for one of these to close; one more is reset at once. Default 128. TLS handshakes may fill both bounds. */
  readonly maxWaitingConnections: number;
}

export interface CallerCounts {
  downstreamConnections: number;
  /** In all. */
  acceptedConnections: number;
  /** In all, because the bounds on connections and on those that wait were met. */
  refusedConnections: number;
  /** In all, while they rested, for others that waited. */
  reclaimedConnections: number;
}

/**
 * Takes callers in within the bound on connections. One that comes when it is met waits, as it would in the kernel's queue if
 * nobody accepted, for a connection to close; those that rest are closed for it. Callers beyond the bound on those that wait are
 * turned away by a reset.
 */
export class WaitingCallers {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: CallerLimits;
  readonly #counts: CallerCounts;
  /** In the order they came. */
  readonly #waiting = new Map<Socket, ConnectionService>();
  #cancelLook: Cancel | undefined;
  /** Since the bound was met; undefined while it is not. */
  #episode: { waited: number; refusedBefore: number } | undefined;
  #closed = false;
  #handshakes = 0;

  constructor(clock: Clock, logger: Logger, limits: CallerLimits, counts: CallerCounts) {
    this.#clock = clock;
    this.#logger = logger;
    this.#limits = limits;
    this.#counts = counts;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Gives a caller to its service: now, or when there is room for it. */
  admit(socket: Socket, service: ConnectionService): void {
    if (this.#hasRoom && this.#waiting.size === 0) {
      this.#serve(acceptReusing(socket), service);
      return;
    }
    // Node reads it meanwhile, so that it is known when the caller leaves; what it has read stays with this socket.
    this.#episode ??= this.#beginEpisode();
    socket.on("error", ignore);
    if (this.#waiting.size >= this.#limits.maxWaitingConnections) {
      this.#counts.refusedConnections++;
      resetSocket(socket);
      return;
    }
    this.#episode.waited++;
    this.#waiting.set(socket, service);
    socket.on("close", () => this.#waiting.delete(socket));
    if (!this.#cancelLook) this.#makeRoom();
  }

  /** TLS handshakes under way: connections that are no callers yet. */
  get handshakes(): number {
    return this.#handshakes;
  }

  /** A TLS handshake begins, if its caller could be served or wait once it is over; otherwise the connection is reset. */
  onHandshake(socket: Socket): void {
    const { maxDownstreamConnections, maxWaitingConnections } = this.#limits;
    const before = this.#counts.downstreamConnections + this.#waiting.size + this.#handshakes++;
    if (before < maxDownstreamConnections + maxWaitingConnections) return;
    this.#episode ??= this.#beginEpisode();
    this.#counts.refusedConnections++;
    resetSocket(socket);
  }

  /** However it ended: a reset by `onHandshake` ends one too. */
  onHandshakeEnd(): void {
    this.#handshakes--;
  }

  /** To be called when a connection has closed. */
  onRoom(): void {
    for (const [socket, service] of this.#waiting) {
      if (!this.#hasRoom || this.#closed) return;
      this.#waiting.delete(socket);
      this.#serve(socket, service);
    }
    if (this.#episode) this.#endEpisode(this.#episode);
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook?.();
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  get #hasRoom(): boolean {
    return this.#counts.downstreamConnections < this.#limits.maxDownstreamConnections;
  }

  #serve(socket: Socket, service: ConnectionService): void {
    // The caller may be gone before we are told of it; then there is no address to speak of.
    if (socket.remoteAddress === undefined) {
      socket.on("error", ignore).destroy();
      return;
    }
    this.#counts.acceptedConnections++;
    service.onConnection(socket);
  }

  /** Closes as many connections that rest as callers wait, and looks again a little later if that was not enough. */
  #makeRoom(): void {
    for (const service of new Set(this.#waiting.values())) {
      this.#counts.reclaimedConnections += service.closeRested(RESTED_MS, this.#waiting.size);
    }
    this.#cancelLook = this.#clock.after(LOOK_MS, () => {
      this.#cancelLook = undefined;
      if (this.#waiting.size > 0) this.#makeRoom();
    });
  }

  #beginEpisode(): { waited: number; refusedBefore: number } {
    const connections = this.#limits.maxDownstreamConnections;
    this.#logger.warn({ connections }, "the bound on connections from callers is met: further ones wait");
    return { waited: 0, refusedBefore: this.#counts.refusedConnections };
  }

  #endEpisode({ waited, refusedBefore }: { waited: number; refusedBefore: number }): void {
    const { downstreamConnections: connections, refusedConnections } = this.#counts;
    if (connections + this.#handshakes > this.#limits.maxDownstreamConnections * (1 - FREE_AGAIN)) return;
    this.#episode = undefined;
    const turnedAway = refusedConnections - refusedBefore;
    this.#logger.info(
      { connections, waited, turnedAway },
      "there is room for connections from callers again",
    );
  }
}

function ignore(): void {}
