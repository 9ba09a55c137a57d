import type { Socket } from "node:net";
import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { type Member, NOWHERE } from "../../xds/common/live-set.ts";
import type { Expiring } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { FieldLines, RequestHead, ResponseHead } from "../codec/head.ts";
import { RequestReader, type RequestSink } from "../codec/request-reader.ts";
import type { DownstreamStream } from "../codec/stream.ts";
import { isPrivateAddress } from "../routing/index.ts";
import { LingeringClose } from "../upstream/lingering-close.ts";
import { resetSocket } from "../upstream/reset-socket.ts";
import { SocketWriter } from "../upstream/socket-writer.ts";
import { onRead } from "../upstream/turn.ts";
import { Exchange } from "./exchange.ts";
import type { HttpRoutes } from "./http-routes.ts";
import { Http1Response } from "./http1-response.ts";
import { errorReply } from "./local-reply.ts";

/** What a connection needs of the listener that took it. */
export interface DownstreamOwner {
  readonly routes: HttpRoutes;
  /** The process is about to end: connections close after the response under way. */
  readonly draining: boolean;
  readonly scheme: "http" | "https";
  onClosed(connection: Http1DownstreamConnection): void;
}

/** How much of pipelined requests, or of a tunnel that does not stand yet, is taken in before its turn. */
const HELD_BYTES = 16_384;
/** How often a caller that sent FIN and waits for its answer is asked whether it is still there. */
const PROBE_MS = 200;
/** How long a connection that has carried nothing may still bring its first request when its listener is gone, or about to be. */
const FIRST_REQUEST_MS = 5_000;

type Timed = "idle" | "head" | "request" | "probe";
type Mode = "http" | "tunnel" | "linger" | "closed";

/** A caller's connection: its requests one after the other, each as one exchange, answered in their order. */
export class Http1DownstreamConnection implements DownstreamStream, RequestSink, Expiring, Member {
  place = NOWHERE;
  readonly remoteAddress: string;
  readonly #owner: DownstreamOwner;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #response: Http1Response;
  readonly #reader: RequestReader;
  readonly #internal: boolean;
  readonly #timer = new WheelTimer(this);
  readonly #openedAt: number;
  /** Each connection's age limit is up to a tenth shorter by its lot, so that those opened together do not close together. */
  readonly #lot: number;
  #timed: Timed = "idle";
  #mode: Mode = "http";
  #exchange: Exchange | undefined;
  #requests = 0;
  #idleSince: number;
  #requestDone = true;
  /** Bytes that came before their turn: a pipelined request, or a tunnel's first. */
  #held: Buffer | undefined;
  #pausedByExchange = false;
  #peerEnded = false;
  #lingering: LingeringClose | undefined;

  constructor(socket: Socket, owner: DownstreamOwner) {
    const { context } = owner.routes;
    this.#socket = socket;
    this.#owner = owner;
    this.remoteAddress = endpointAddress(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    this.#internal = isPrivateAddress(this.remoteAddress);
    this.#openedAt = context.clock.now();
    this.#lot = context.random();
    this.#idleSince = this.#openedAt;
    this.#writer = new SocketWriter(socket);
    this.#response = new Http1Response(socket, this.#writer);
    this.#reader = new RequestReader(owner.routes.reading, this);
    onRead(socket, (chunk) => this.#onData(chunk));
    socket.resume();
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.#onDrain());
    socket.on("error", (error) => this.#onGone(error.message));
    socket.on("close", () => this.#onGone("the caller closed the connection"));
    this.#startTimer("idle", this.#idleTimeoutMs);
  }

  /** Empty address and port 0: the caller is gone. Asked of the system only when it is needed. */
  get localAddress(): string {
    return endpointAddress(this.#socket.localAddress ?? "", this.#socket.localPort ?? 0);
  }

  /** When it came to rest, on the clock; Infinity: something is under way. */
  get restsSince(): number {
    const rests = this.#isBetweenRequests && this.bufferedBytes === 0;
    return rests ? this.#idleSince : Number.POSITIVE_INFINITY;
  }

  get #isBetweenRequests(): boolean {
    return this.#mode === "http" && !this.#exchange && this.#reader.isIdle && !this.#held;
  }

  /**
   * Closes the connection if nothing is under way; otherwise it closes after its response. One that is new may have its first request
   * on its way: callers bear the loss of a kept connection (RFC 9112, 9.3.1), not of one that they have just made. It is given a moment.
   */
  drain(): void {
    if (this.#requests === 0) {
      if (this.#timed === "idle") this.#startTimer("idle", this.#idleTimeoutMs);
    } else if (this.#isBetweenRequests) {
      // A slow reader gets the rest of its last response.
      if (this.bufferedBytes > 0) this.#linger();
      else this.#close();
    }
  }

  /** The listener's idle timeout has changed: the timer that is armed goes by the last one. */
  retime(): void {
    if (this.#mode === "http" && this.#timed === "idle") this.#startTimer("idle", this.#idleTimeoutMs);
  }

  /** In ms; 0: none. */
  get #idleTimeoutMs(): number {
    const { idleTimeoutMs } = this.#owner.routes.filter;
    if (!this.#owner.draining) return idleTimeoutMs;
    return idleTimeoutMs > 0 ? Math.min(idleTimeoutMs, FIRST_REQUEST_MS) : FIRST_REQUEST_MS;
  }

  closeRested(): void {
    if (this.restsSince !== Number.POSITIVE_INFINITY) this.#close();
  }

  /** Ends whatever is under way, on both sides, and so that nobody takes a part for the whole. */
  destroy(): void {
    const exchange = this.#exchange;
    const error = proxyError(ERRORS.downstreamDisconnect, "the proxy is shutting down");
    if (exchange) this.abort(error);
    else this.#close();
    exchange?.onRequestAbort(error);
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  // What the socket tells.

  #onData(chunk: Buffer): void {
    if (this.#mode === "tunnel") this.#exchange?.onRequestData(chunk);
    else if (this.#mode === "http") this.#consume(chunk);
  }

  #consume(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#mode === "http") {
      if (this.#mustWait) {
        this.#hold(chunk.subarray(at));
        break;
      }
      at = this.#reader.read(chunk, at);
    }
    this.#flowOn();
    if (!this.#exchange && this.#mode === "http" && this.#timed === "idle" && !this.#reader.isIdle) {
      this.#startTimer("head", this.#owner.routes.filter.requestHeadersTimeoutMs);
    }
  }

  /**
   * A request waits for the response before it, and until that is taken. One that has begun is read on, however slowly its response
   * is taken: else neither side might go on. Nothing overtakes what is held.
   */
  get #mustWait(): boolean {
    return this.#held !== undefined || (this.#exchange ? this.#requestDone : this.#writer.isBlocked);
  }

  /** Its memory is read into again. */
  #hold(bytes: Buffer): void {
    this.#held = this.#held ? Buffer.concat([this.#held, bytes]) : Buffer.from(bytes);
  }

  /** Reads on, unless more has come than is consumed in time: who does not read does not hear of a reset either. */
  #flowOn(): void {
    const paused = this.#pausedByExchange || (this.#held !== undefined && this.#held.length >= HELD_BYTES);
    if (paused === this.#socket.isPaused()) return;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  #takeHeld(): void {
    const held = this.#held;
    if (!held || this.#mode === "closed") return;
    this.#held = undefined;
    this.#onData(held);
    this.#flowOn();
  }

  #onDrain(): void {
    this.#exchange?.onDownstreamDrain();
    this.#takeNext();
  }

  #onEnd(): void {
    this.#peerEnded = true;
    this.#lingering?.onPeerEnd();
    if (this.#mode === "tunnel") {
      this.#exchange?.onRequestEnd(undefined);
      this.#closeWhenEnded();
    } else if (this.#mode === "http") {
      // Inside a request the reader reports the caller gone.
      this.#reader.end();
      if (!this.#exchange && !this.#held) this.#close();
      else if (this.#requestDone) this.#suspect();
    }
  }

  /**
   * FIN after a whole request: a caller that half-closed and waits, or one that is gone? One whose FIN comes when the response is under
   * way, with nothing left to answer behind it, is taken to have left, as Envoy takes it: then there is nothing to ask it with.
   */
  #suspect(): void {
    if (this.#response.begun && !this.#held) this.#onGone("the caller closed the connection");
    else this.#startTimer("probe", PROBE_MS);
  }

  #probe(): void {
    if (!this.#exchange) return;
    this.#response.probe();
    this.#startTimer("probe", PROBE_MS);
  }

  #onGone(detail: string): void {
    if (this.#mode === "closed") return;
    const exchange = this.#exchange;
    this.#close();
    exchange?.onRequestAbort(proxyError(ERRORS.downstreamDisconnect, detail));
  }

  onExpired(): void {
    const { filter, context } = this.#owner.routes;
    switch (this.#timed) {
      case "idle": {
        // Armed once and not for every request: what came since is looked at now.
        const timeoutMs = this.#idleTimeoutMs;
        const left = this.#exchange ? timeoutMs : this.#idleSince + timeoutMs - context.clock.now();
        if (left > 0) this.#startTimer("idle", left);
        else this.#close();
        break;
      }
      case "head":
        this.#refuse(
          proxyError(
            ERRORS.requestHeadTimeout,
            `no whole request head within ${filter.requestHeadersTimeoutMs} ms`,
          ),
        );
        break;
      case "request":
        if (this.#exchange && !this.#requestDone) {
          this.onMalformed(
            proxyError(ERRORS.requestTimeout, `no whole request within ${filter.requestTimeoutMs} ms`),
          );
        }
        break;
      case "probe":
        this.#probe();
        break;
    }
  }

  #startTimer(timed: Timed, ms: number): void {
    const { wheel } = this.#owner.routes.context;
    this.#timed = timed;
    if (ms > 0) wheel.arm(this.#timer, ms);
    else wheel.disarm(this.#timer);
  }

  // What the reader found.

  onRequestHead(head: RequestHead): void {
    const { routes } = this.#owner;
    this.#requests++;
    this.#requestDone = false;
    this.#response.expect(head);
    if (routes.filter.requestTimeoutMs > 0) this.#startTimer("request", routes.filter.requestTimeoutMs);
    else if (this.#timed === "head") this.#startTimer("idle", this.#idleTimeoutMs);
    const exchange = new Exchange(routes, this, head);
    this.#exchange = exchange;
    exchange.begin(this.#internal);
  }

  onRequestData(chunk: Buffer): void {
    this.#exchange?.onRequestData(chunk);
  }

  onRequestEnd(trailers: FieldLines | undefined): void {
    this.#requestDone = true;
    // One of several that were sent before the FIN.
    if (this.#peerEnded) this.#startTimer("probe", PROBE_MS);
    else if (this.#timed === "request") this.#startTimer("idle", this.#idleTimeoutMs);
    this.#exchange?.onRequestEnd(trailers);
    if (this.#response.ended) this.#finishExchange();
  }

  onMalformed(error: ProxyError): void {
    this.#response.keepAlive = false;
    const exchange = this.#exchange;
    if (error.kind === ERRORS.downstreamDisconnect) this.#onGone(error.detail);
    else if (exchange) exchange.onRequestAbort(error);
    else this.#refuse(error);
  }

  /** A message that became no exchange is answered here, and nothing more is read. */
  #refuse(error: ProxyError): void {
    const { head, body } = errorReply(error, error.kind.status, false);
    this.#response.keepAlive = false;
    this.#requestDone = false;
    this.#response.begin(head, false);
    // A caller that asked with HEAD would take the body for the next response (RFC 9110, 9.3.2).
    if (this.#reader.refusedMethod !== "HEAD") this.sendData(body);
    this.sendEnd(undefined);
  }

  // The stream.

  pauseRequest(): void {
    this.#pausedByExchange = true;
    this.#flowOn();
  }

  resumeRequest(): void {
    this.#pausedByExchange = false;
    this.#flowOn();
  }

  sendInformational(head: ResponseHead): void {
    if (this.#mode === "http") this.#response.inform(head);
  }

  sendHead(head: ResponseHead, end: boolean): boolean {
    this.#response.begin(head, this.#mayStay());
    if (end) this.sendEnd(undefined);
    return !this.#writer.isBlocked;
  }

  /** An answer before the request's end closes the connection: the caller may never send the rest, or send it at length. */
  #mayStay(): boolean {
    const { routes, draining } = this.#owner;
    const { maxRequestsPerConnection, maxConnectionDurationMs } = routes.filter;
    if (draining || !(this.#requestDone || this.#response.isToBodiless)) return false;
    if (maxRequestsPerConnection > 0 && this.#requests >= maxRequestsPerConnection) return false;
    const limitMs = maxConnectionDurationMs * (1 - 0.1 * this.#lot);
    return limitMs === 0 || routes.context.clock.now() - this.#openedAt < limitMs;
  }

  sendData(chunk: Buffer): boolean {
    if (this.#mode === "closed") return true;
    return this.#mode === "tunnel" ? this.#writer.write(chunk) : this.#response.data(chunk);
  }

  sendMessage(head: ResponseHead, body: Buffer): void {
    this.#response.begin(head, this.#mayStay());
    if (!this.#response.isToHead) this.sendData(body);
    this.sendEnd(undefined);
  }

  sendEnd(trailers: FieldLines | undefined): void {
    if (this.#mode === "closed") return;
    if (this.#mode === "tunnel") {
      this.#response.ended = true;
      this.#writer.end();
      this.#closeWhenEnded();
      return;
    }
    this.#response.end(trailers);
    if (this.#requestDone) this.#finishExchange();
    // A request without a body that is answered at its head ends within the same read.
    else if (!this.#response.isToBodiless) this.#linger();
  }

  startTunnel(head: ResponseHead): void {
    this.#mode = "tunnel";
    this.#response.beginTunnel(head);
    this.#takeHeld();
    // The caller's FIN came before there was a tunnel whose half it could end.
    if (this.#peerEnded) this.#exchange?.onRequestEnd(undefined);
  }

  /** The caller must not take what it has for a whole response: where only the end would tell, the connection is reset. */
  abort(_error: ProxyError): void {
    if (this.#mode === "closed") return;
    const closeFramed = this.#response.endsWithConnection || this.#mode === "tunnel";
    this.#writer.flush();
    this.#leave();
    // What a slow reader has not taken is not waited for: nothing would end the wait.
    const reset = closeFramed || this.#socket.writableLength > 0;
    if (reset) resetSocket(this.#socket);
    else this.#socket.destroy();
  }

  #finishExchange(): void {
    this.#exchange = undefined;
    this.#response.expect(undefined);
    this.#idleSince = this.#owner.routes.context.clock.now();
    this.#pausedByExchange = false;
    if (!this.#response.keepAlive || (this.#peerEnded && !this.#held)) this.#linger();
    // In a later tick, so that a long pipeline does not grow the stack.
    else if (this.#held) process.nextTick(() => this.#takeNext());
    else this.#flowOn();
  }

  #takeNext(): void {
    if (this.#mode !== "http" || this.#exchange) return;
    this.#takeHeld();
    // What is left of an unfinished request will never come.
    if (this.#peerEnded && !this.#exchange && !this.#held) this.#close();
  }

  /** The last byte for the caller is written. */
  #linger(): void {
    const { context, filter } = this.#owner.routes;
    this.#exchange = undefined;
    this.#held = undefined;
    this.#reader.close();
    this.#writer.flush();
    this.#mode = "linger";
    if (this.#mayCloseAtOnce) {
      this.#close();
      return;
    }
    context.wheel.disarm(this.#timer);
    const { streamIdleTimeoutMs } = filter;
    this.#lingering = new LingeringClose(
      this.#socket,
      context.wheel,
      streamIdleTimeoutMs,
      this.#peerEnded,
      () => this.#leave(),
    );
  }

  /** Nothing is left to send, and the caller sends nothing that, being unread, would reset the connection and eat the answer. */
  get #mayCloseAtOnce(): boolean {
    const callerIsDone = this.#peerEnded || (this.#requestDone && this.#reader.isLast);
    // TLS has a last message of its own (close_notify), which `end` sends.
    return callerIsDone && this.#owner.scheme === "http" && this.#socket.writableLength === 0;
  }

  #closeWhenEnded(): void {
    if (this.#peerEnded && this.#response.ended) this.#linger();
  }

  #close(): void {
    this.#leave();
    // The last response may have been given a moment ago.
    this.#writer.flush();
    this.#socket.destroy();
  }

  #leave(): void {
    if (this.#mode === "closed") return;
    this.#mode = "closed";
    this.#exchange = undefined;
    this.#held = undefined;
    this.#reader.close();
    this.#owner.routes.context.wheel.disarm(this.#timer);
    this.#owner.onClosed(this);
    this.#lingering?.close();
  }
}
