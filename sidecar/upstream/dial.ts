import type { Socket } from "node:net";
import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { type Member, NOWHERE } from "../../xds/common/live-set.ts";
import type { Expiring } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import { isLocalError } from "./local-error.ts";
import type { PoolHome, PoolTarget } from "./pool-home.ts";

export interface DialResult {
  onConnected(socket: Socket, peerAddress: string): void;
  onFailed(error: ProxyError): void;
}

/**
 * Opens one connection to an endpoint within the cluster's connect timeout, TLS handshake included, trying the endpoint's
 * further addresses in turn (gRFC A61). Exactly one result comes, never within `start`; none after `cancel`.
 */
export class Dial implements Expiring, Member {
  place = NOWHERE;
  readonly #home: PoolHome;
  readonly #target: PoolTarget;
  readonly #result: DialResult;
  readonly #timer = new WheelTimer(this);
  #socket: Socket | undefined;
  #tried = 0;
  #over = false;

  constructor(home: PoolHome, target: PoolTarget, result: DialResult) {
    this.#home = home;
    this.#target = target;
    this.#result = result;
  }

  start(): void {
    this.#home.wheel.arm(this.#timer, this.#home.model.connectTimeoutMs);
    if (this.#home.hasDescriptors) this.#open(this.#target.host, this.#target.port);
    else process.nextTick(() => this.#onSpent());
  }

  /** Refused by ourselves, before the system does: descriptors are kept for callers and for the admin. */
  #onSpent(): void {
    const detail = `${this.#target.address}: too few file descriptors are left for another upstream connection`;
    if (!this.#over) this.#fail(proxyError(ERRORS.localResources, detail));
  }

  cancel(): void {
    this.#over = true;
    this.#home.wheel.disarm(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    // A late error of a socket that nobody waits for any more must not end the process.
    socket?.removeAllListeners().on("error", ignore).destroy();
  }

  onExpired(): void {
    const { connectTimeoutMs } = this.#home.model;
    this.#fail(
      proxyError(
        ERRORS.connectTimeout,
        `no connection to ${this.#target.address} within ${connectTimeoutMs} ms`,
      ),
    );
  }

  #open(host: string, port: number): void {
    let socket: Socket;
    try {
      socket = this.#home.open(host, port, this.#target);
    } catch (error) {
      // Certificates that cannot be read: told like any other failure, after this call.
      process.nextTick(() => this.#onError(error as NodeJS.ErrnoException));
      return;
    }
    this.#socket = socket;
    const ready = "encrypted" in socket ? "secureConnect" : "connect";
    const onError = (error: NodeJS.ErrnoException): void => this.#onError(error);
    socket.on("error", onError);
    socket.once(ready, () => {
      socket.off("error", onError);
      this.#home.wheel.disarm(this.#timer);
      this.#socket = undefined;
      this.#result.onConnected(socket, endpointAddress(host, port));
    });
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.#over) return;
    this.#socket?.destroy();
    const next = this.#target.additionalAddresses[this.#tried++];
    if (next && !isLocalError(error)) {
      this.#open(next.host, next.port);
      return;
    }
    const detail = `${this.#target.address}: ${error.code ?? error.message}`;
    if (isLocalError(error)) this.#fail(proxyError(ERRORS.localResources, detail));
    else if (isTlsError(error)) this.#fail(proxyError(ERRORS.upstreamTls, detail));
    else this.#fail(proxyError(ERRORS.connectFailure, detail));
  }

  #fail(error: ProxyError): void {
    this.cancel();
    this.#result.onFailed(error);
  }
}

function ignore(): void {}

function isTlsError(error: NodeJS.ErrnoException): boolean {
  const code = error.code ?? "";
  return (
    code.startsWith("ERR_SSL") ||
    code.startsWith("ERR_TLS") ||
    code.includes("CERT") ||
    code.startsWith("UNABLE_TO")
  );
}
