import type { AddressInfo, Socket } from "node:net";
import net from "node:net";
import type { Cancel } from "../../xds/common/clock.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { SocketAddress } from "../../xds/model/listener.ts";
import type { DownstreamTls } from "../../xds/model/tls.ts";
import { heldBytes } from "../upstream/held-bytes.ts";
import type { ConnectionService } from "./connection-service.ts";
import { ListenerTls } from "./listener-tls.ts";
import type { ProxyContext } from "./proxy-context.ts";

export interface PortOptions {
  readonly listener: string;
  readonly address: SocketAddress;
  readonly backlog: number | undefined;
  readonly bufferLimitBytes: number;
  readonly tls: DownstreamTls | undefined;
}

/** A port that is taken may become free: it is asked for again after this. */
const REBIND_MS = 1_000;

/** A bound address: takes connections and gives them to its service, within the process's bound. */
export class Port {
  readonly options: PortOptions;
  /** Undefined while not bound. */
  bound: SocketAddress | undefined;
  readonly #context: ProxyContext;
  readonly #service: ConnectionService;
  /** Undefined: its TLS context could not be made. */
  readonly #server: net.Server | undefined;
  #tls: ListenerTls | undefined;
  #failure = "";
  #cancelRebind: Cancel | undefined;
  #closed = false;

  constructor(context: ProxyContext, options: PortOptions, service: ConnectionService) {
    this.options = options;
    this.#context = context;
    this.#service = service;
    try {
      this.#server = this.#createServer();
    } catch (error) {
      this.#failure = `the TLS context cannot be made: ${error instanceof Error ? error.message : String(error)}`;
      context.logger.error({ listener: options.listener }, this.#failure);
    }
  }

  /** Why the port is not bound, or not as configured; empty otherwise. */
  get failure(): string {
    return this.#failure || (this.#tls?.failure ?? "");
  }

  #createServer(): net.Server {
    const { tls, bufferLimitBytes } = this.options;
    const onConnection = (socket: Socket): void => this.#context.callers.admit(socket, this.#service);
    const highWaterMark = heldBytes(bufferLimitBytes);
    if (!tls) {
      return net.createServer(
        { allowHalfOpen: true, noDelay: true, keepAlive: true, highWaterMark },
        onConnection,
      );
    }
    this.#tls = new ListenerTls(tls, this.#context);
    return this.#tls.createServer(onConnection);
  }

  /** Resolves when the port is bound, or could not be: then `failure` says why, and it is tried again by itself. */
  open(): Promise<void> {
    const server = this.#server;
    if (!server) return Promise.resolve();
    const { host, port } = this.options.address;
    return new Promise((resolve) => {
      server.on("error", (error: NodeJS.ErrnoException) => {
        const failure = error.code ?? error.message;
        if (failure !== this.#failure) {
          const message = `cannot listen on ${endpointAddress(host, port)}: ${failure}`;
          this.#context.logger.error({ listener: this.options.listener }, message);
        }
        this.#failure = failure;
        if (!this.#closed && !server.listening) {
          this.#cancelRebind = this.#context.clock.after(REBIND_MS, () => this.#listen());
        }
        resolve();
      });
      server.on("listening", () => {
        const { address, port: boundPort } = server.address() as AddressInfo;
        this.bound = { host: address, port: boundPort };
        this.#failure = "";
        resolve();
      });
      this.#listen();
    });
  }

  #listen(): void {
    const { address, backlog } = this.options;
    this.#server?.listen({
      host: address.host,
      port: address.port,
      ...(backlog === undefined ? {} : { backlog }),
    });
  }

  /** Takes no further connection. Those that stand are the service's. */
  close(): void {
    this.#closed = true;
    this.#cancelRebind?.();
    this.#server?.close();
    this.bound = undefined;
  }
}
