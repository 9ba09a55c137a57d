import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { Dial } from "./dial.ts";
import type { PoolHome, PoolTarget } from "./pool-home.ts";
import type { StreamSource, StreamUser } from "./stream-source.ts";
import { TunnelConnection } from "./tunnel-connection.ts";

/** Opens a connection of its own for a tunnel, within the cluster's bound on connections. Serves one user. */
export class TunnelDialer implements StreamSource {
  readonly #home: PoolHome;
  readonly #target: PoolTarget;
  #dial: Dial | undefined;

  constructor(home: PoolHome, target: PoolTarget) {
    this.#home = home;
    this.#target = target;
  }

  acquire(user: StreamUser): void {
    const { tally } = this.#target;
    if (this.#home.counts.active >= user.breaker.thresholds.maxConnections) {
      user.breaker.overflows.connections++;
      user.onNoStream(proxyError(ERRORS.overflow, "the cluster has too many connections (max_connections)"));
      return;
    }
    tally.onOpening();
    this.#dial = new Dial(this.#home, this.#target, {
      onConnected: (socket, peerAddress) => {
        this.#dial = undefined;
        user.onStream(new TunnelConnection(socket, peerAddress, user, this.#home, () => tally.onClosed()));
      },
      onFailed: (error) => {
        this.#dial = undefined;
        tally.onFailed(error);
        user.onNoStream(error);
      },
    });
    this.#dial.start();
  }

  cancel(_user: StreamUser): void {
    if (!this.#dial) return;
    this.#dial.cancel();
    this.#dial = undefined;
    this.#target.tally.onClosed();
  }
}
