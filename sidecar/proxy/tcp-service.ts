import type { Socket } from "node:net";
import { LiveSet } from "../../xds/common/live-set.ts";
import type { TcpProxy } from "../../xds/model/listener.ts";
import type { ConnectionService } from "./connection-service.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { TcpRelay } from "./tcp-relay.ts";

/** What a port does with its connections when it passes bytes (`tcp_proxy`). */
export class TcpService implements ConnectionService {
  readonly #context: ProxyContext;
  readonly #relays = new LiveSet<TcpRelay>();
  #filter: TcpProxy;

  constructor(context: ProxyContext, filter: TcpProxy) {
    this.#context = context;
    this.#filter = filter;
  }

  /** Connections from now on go by this. */
  update(filter: TcpProxy): void {
    this.#filter = filter;
  }

  onConnection(socket: Socket): void {
    this.#context.counts.downstreamConnections++;
    const relay = new TcpRelay(this.#context, socket, this.#filter, (closed) => {
      if (!this.#relays.delete(closed)) return;
      this.#context.counts.downstreamConnections--;
      this.#context.callers.onRoom();
    });
    this.#relays.add(relay);
    relay.begin();
  }

  /** A byte stream has no moment between two requests: it ends when its sides end it, or at the deadline. */
  drain(): void {}

  /** Nor does it rest. */
  closeRested(): number {
    return 0;
  }

  close(): void {
    for (const relay of this.#relays) relay.destroy();
  }

  get bufferedBytes(): number {
    let bytes = 0;
    for (const relay of this.#relays) bytes += relay.bufferedBytes;
    return bytes;
  }
}
