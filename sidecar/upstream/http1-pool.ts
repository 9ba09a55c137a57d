import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { LiveSet } from "../../xds/common/live-set.ts";
import type { TimerWheel } from "../../xds/common/timer-wheel.ts";
import { Dial } from "./dial.ts";
import type { ConnectionOwner } from "./http1-connection.ts";
import { Http1Connection } from "./http1-connection.ts";
import type { PoolHome, PoolTarget } from "./pool-home.ts";
import type { ResponseLimits } from "./response-limits.ts";
import type { StreamSource, StreamUser } from "./stream-source.ts";

/**
 * Connections to one endpoint. The one used last is used first, so that what a peak left over grows idle and closes. Requests
 * that find none wait in order; whichever connection is ready first serves the one that waits longest.
 */
export class Http1Pool implements ConnectionOwner, StreamSource {
  readonly target: PoolTarget;
  readonly wheel: TimerWheel;
  readonly #home: PoolHome;
  readonly #idle: Http1Connection[] = [];
  readonly #waiting: StreamUser[] = [];
  readonly #dials = new LiveSet<Dial>();
  #busy = 0;
  #closed = false;

  constructor(home: PoolHome, target: PoolTarget) {
    this.#home = home;
    this.target = target;
    this.wheel = home.wheel;
  }

  get idleTimeoutMs(): number {
    return this.#home.model.idleTimeoutMs;
  }

  get responseLimits(): ResponseLimits {
    return this.#home.responseLimits;
  }

  get connections(): number {
    return this.#idle.length + this.#busy + this.#dials.size;
  }

  get idleConnections(): number {
    return this.#idle.length;
  }

  acquire(user: StreamUser): void {
    const connection = user.fresh ? undefined : this.#idle.pop();
    if (connection) {
      this.#give(connection, user);
      return;
    }
    if (!user.breaker.admitsPending()) {
      user.onNoStream(
        proxyError(ERRORS.overflow, "too many requests wait for a connection (max_pending_requests)"),
      );
      return;
    }
    user.breaker.pending++;
    this.#waiting.push(user);
    this.#dialForWaiting();
  }

  /** `user` no longer waits. The connection that was being opened for it stays for the next. */
  cancel(user: StreamUser): void {
    const at = this.#waiting.indexOf(user);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    user.breaker.pending--;
  }

  /** Takes no further request: idle connections close now, busy ones after their exchange. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.retire();
    if (this.#waiting.length > 0) return;
    for (const dial of this.#dials) {
      this.#dials.delete(dial);
      dial.cancel();
      this.target.tally.onClosed();
    }
  }

  onReleased(connection: Http1Connection): void {
    this.#busy--;
    const worn = this.#isWorn(connection);
    const next = this.#nextWaiting(false);
    if (worn || (this.#closed && !next)) {
      this.#busy++;
      connection.rest();
      connection.retire();
      if (next) this.acquire(next);
    } else if (next) this.#give(connection, next);
    else {
      connection.rest();
      this.#idle.push(connection);
    }
  }

  #isWorn(connection: Http1Connection): boolean {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = this.#home.model;
    if (maxRequestsPerConnection > 0 && connection.exchanges >= maxRequestsPerConnection) return true;
    if (maxConnectionDurationMs === 0) return false;
    // Each connection has its own age limit, up to a tenth shorter, so that those opened together do not close together.
    const limitMs = maxConnectionDurationMs * (1 - 0.1 * connection.lot);
    return this.#home.clock.now() - connection.openedAt >= limitMs;
  }

  onRetired(connection: Http1Connection): void {
    this.target.tally.onClosed();
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    else this.#busy--;
    this.#dialForWaiting();
  }

  #give(connection: Http1Connection, user: StreamUser): void {
    this.#busy++;
    connection.begin(user);
    user.onStream(connection);
  }

  /** One dial per waiting request, as far as the cluster's connection bound allows; the first of a pool always may. */
  #dialForWaiting(): void {
    while (this.#waiting.length > this.#dials.size) {
      const { breaker } = this.#waiting[this.#waiting.length - 1] as StreamUser;
      if (this.#home.counts.active >= breaker.thresholds.maxConnections && this.connections > 0) {
        breaker.overflows.connections++;
        return;
      }
      this.#dial();
    }
  }

  #dial(): void {
    this.target.tally.onOpening();
    const dial = new Dial(this.#home, this.target, {
      onConnected: (socket, peerAddress) => {
        this.#dials.delete(dial);
        this.#welcome(
          new Http1Connection(socket, this, peerAddress, this.#home.clock.now(), this.#home.random()),
        );
      },
      onFailed: (error) => {
        this.#dials.delete(dial);
        this.target.tally.onFailed(error);
        this.#refuse(error);
      },
    });
    this.#dials.add(dial);
    dial.start();
  }

  #welcome(connection: Http1Connection): void {
    const next = this.#nextWaiting(true);
    if (next) {
      this.#give(connection, next);
      return;
    }
    connection.rest();
    this.#idle.push(connection);
    if (this.#closed) connection.retire();
  }

  /** A failed dial fails the request that waits longest: it may go elsewhere at once. */
  #refuse(error: ProxyError): void {
    this.#nextWaiting(true)?.onNoStream(error);
  }

  /** Who waits longest for a connection that is `fresh` or not. */
  #nextWaiting(fresh: boolean): StreamUser | undefined {
    const at = fresh ? 0 : this.#waiting.findIndex((user) => !user.fresh);
    const user = at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
    if (user) user.breaker.pending--;
    return user;
  }
}
