import type { Socket } from "node:net";
import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { FieldLines } from "../codec/head.ts";
import type { UpstreamHandler, UpstreamStream } from "../codec/stream.ts";
import { LingeringClose } from "./lingering-close.ts";
import type { PoolHome } from "./pool-home.ts";
import { resetSocket } from "./reset-socket.ts";
import { SocketWriter } from "./socket-writer.ts";
import { onRead } from "./turn.ts";

/** A connection of one tunnel: bytes both ways, each way ending by itself, never used again. */
export class TunnelConnection implements UpstreamStream {
  readonly reused = false;
  readonly peerAddress: string;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #home: PoolHome;
  readonly #onClosed: () => void;
  #user: UpstreamHandler | undefined;
  #received = false;
  #sent = false;
  #closed = false;

  constructor(
    socket: Socket,
    peerAddress: string,
    user: UpstreamHandler,
    home: PoolHome,
    onClosed: () => void,
  ) {
    this.#home = home;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#user = user;
    this.#onClosed = onClosed;
    this.peerAddress = peerAddress;
    onRead(socket, (chunk) => this.#user?.onResponseData(chunk));
    socket.on("drain", () => this.#user?.onUpstreamDrain());
    socket.on("end", () => {
      this.#received = true;
      this.#user?.onResponseEnd(undefined);
      this.#closeWhenEnded();
    });
    socket.on("error", (error) => this.#onBroken(error.message));
    socket.on("close", () => this.#onBroken("the connection was closed"));
  }

  /** A tunnel has no head. */
  sendHead(): boolean {
    return true;
  }

  sendMessage(): void {}

  sendData(chunk: Buffer): boolean {
    return this.#closed || this.#writer.write(chunk);
  }

  sendEnd(_trailers: FieldLines | undefined): void {
    this.#sent = true;
    this.#writer.end();
    this.#closeWhenEnded();
  }

  pauseResponse(): void {
    this.#socket.pause();
  }

  resumeResponse(): void {
    this.#socket.resume();
  }

  discard(): void {
    this.#user = undefined;
    this.#leave();
    resetSocket(this.#socket);
  }

  abort(_error: ProxyError): void {
    this.discard();
  }

  #closeWhenEnded(): void {
    if (!this.#received || !this.#sent) return;
    this.#user = undefined;
    const { wheel, model } = this.#home;
    new LingeringClose(this.#socket, wheel, model.idleTimeoutMs, true, () => this.#leave());
  }

  #onBroken(detail: string): void {
    const user = this.#user;
    this.#user = undefined;
    this.#leave();
    this.#socket.destroy();
    user?.onResponseAbort(proxyError(ERRORS.upstreamTruncated, detail));
  }

  #leave(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
  }
}
