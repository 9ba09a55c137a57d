import type { Socket } from "node:net";
import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { Expiring, TimerWheel } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import type { FieldLines, RequestHead, ResponseHead } from "../codec/head.ts";
import type { ResponseSink } from "../codec/response-reader.ts";
import { ResponseReader } from "../codec/response-reader.ts";
import type { UpstreamHandler, UpstreamStream } from "../codec/stream.ts";
import { writeLastChunk, writeRequestHead } from "../codec/writer.ts";
import { LingeringClose } from "./lingering-close.ts";
import { resetSocket } from "./reset-socket.ts";
import { DRAIN_MS, ResponseDrain } from "./response-drain.ts";
import type { ResponseLimits } from "./response-limits.ts";
import { SocketWriter } from "./socket-writer.ts";
import { onRead } from "./turn.ts";

/** What a connection needs of the pool it belongs to. */
export interface ConnectionOwner {
  readonly wheel: TimerWheel;
  readonly idleTimeoutMs: number;
  readonly responseLimits: ResponseLimits;
  /** The exchange is over and the connection may carry another. */
  onReleased(connection: Http1Connection): void;
  /** The connection takes no further exchange; comes once. */
  onRetired(connection: Http1Connection): void;
}

const UNFRAMED =
  "the response has neither a length nor chunks: over TLS its end cannot be told from a cut (allow_unframed_tls_responses)";

type State = "idle" | "busy" | "tunnel" | "closed";

/**
 * One connection to an endpoint, and at the same time the stream of the one exchange it carries: HTTP/1.1 has one at a time.
 * The user of the stream changes with every exchange; after its end or abort it hears nothing more.
 */
export class Http1Connection implements UpstreamStream, ResponseSink, Expiring {
  readonly peerAddress: string;
  /** Monotonic ms. */
  readonly openedAt: number;
  readonly lot: number;
  reused = false;
  /** Exchanges begun. */
  exchanges = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #reader: ResponseReader;
  readonly #timer = new WheelTimer(this);
  #state: State = "idle";
  #user: UpstreamHandler | undefined;
  #chunked = false;
  #requestEnded = false;
  #responseEnded = false;
  #responseBegun = false;
  #keepAlive = true;
  #trailers: FieldLines | undefined;
  #retired = false;

  /** @param lot a draw from [0, 1) that spreads what happens to connections by age. */
  constructor(socket: Socket, owner: ConnectionOwner, peerAddress: string, openedAt: number, lot: number) {
    this.openedAt = openedAt;
    this.lot = lot;
    this.#socket = socket;
    this.#owner = owner;
    this.peerAddress = peerAddress;
    this.#writer = new SocketWriter(socket);
    this.#reader = new ResponseReader(owner.responseLimits, this);
    onRead(socket, (chunk) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.#user?.onUpstreamDrain());
    socket.on("error", (error) => this.#onBroken(error.message));
    socket.on("close", () => this.#onBroken("the connection was closed"));
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  /** Gives the connection to `user` for one exchange. Only for an idle connection. */
  begin(user: UpstreamHandler): void {
    this.#owner.wheel.disarm(this.#timer);
    this.reused = this.exchanges > 0;
    this.exchanges++;
    this.#state = "busy";
    this.#user = user;
    this.#requestEnded = false;
    this.#responseEnded = false;
    this.#responseBegun = false;
    this.#keepAlive = true;
    this.#trailers = undefined;
  }

  /** Puts the connection among the idle ones until its idle timeout. */
  rest(): void {
    this.#state = "idle";
    const { wheel, idleTimeoutMs } = this.#owner;
    if (idleTimeoutMs > 0) wheel.arm(this.#timer, idleTimeoutMs);
  }

  /** Ends the connection when nobody uses it, or after the exchange it carries. */
  retire(): void {
    if (this.#state === "idle") this.#close();
    else this.#keepAlive = false;
  }

  /** Armed while the connection idles, and while it is read to the end of a response that is not wanted. */
  onExpired(): void {
    this.#user = undefined;
    this.#close();
  }

  // The stream's sending half.

  sendHead(head: RequestHead, end: boolean): boolean {
    this.#reader.expect(head.method, head.upgrade);
    this.#chunked = head.framing === "chunked";
    // A refused upgrade leaves a connection whose next bytes two sides may read differently: it is never pooled again.
    if (head.upgrade !== "") this.#keepAlive = false;
    writeRequestHead(this.#writer.gather(), head, true);
    if (end) this.#requestEnded = true;
    return !this.#writer.isBlocked;
  }

  sendData(chunk: Buffer): boolean {
    if (this.#state === "closed") return true;
    if (this.#chunked && this.#state !== "tunnel") return this.#writer.writeChunk(chunk);
    return this.#writer.write(chunk);
  }

  sendMessage(head: RequestHead, body: Buffer): void {
    this.sendHead(head, false);
    this.sendData(body);
    this.sendEnd(undefined);
  }

  sendEnd(trailers: FieldLines | undefined): void {
    if (this.#state === "closed") return;
    if (this.#state === "tunnel") {
      this.#requestEnded = true;
      this.#writer.end();
      this.#closeWhenTunnelEnded();
      return;
    }
    if (this.#chunked) writeLastChunk(this.#writer.gather(), trailers);
    this.#requestEnded = true;
  }

  pauseResponse(): void {
    this.#socket.pause();
  }

  resumeResponse(): void {
    this.#socket.resume();
  }

  discard(): void {
    // What is still to be sent of the request would have to be sent too.
    if (!this.#requestEnded || this.#state !== "busy") {
      this.#close();
      return;
    }
    this.#user = new ResponseDrain(this);
    this.#owner.wheel.arm(this.#timer, DRAIN_MS);
    this.#socket.resume();
  }

  /** HTTP/1.1 has no way to take back a request but to close the connection. A tunnel's bytes have no frame that would show the cut. */
  abort(_error: ProxyError): void {
    this.#user = undefined;
    if (this.#state === "tunnel") resetSocket(this.#socket);
    this.#close();
  }

  // What the reader found.

  onInformational(head: ResponseHead): void {
    this.#user?.onInformational(head);
  }

  onResponseHead(head: ResponseHead): void {
    if (
      head.framing === "close" &&
      "encrypted" in this.#socket &&
      !this.#owner.responseLimits.allowUnframedTls
    ) {
      this.#fail(proxyError(ERRORS.malformedResponse, UNFRAMED));
      return;
    }
    if (!head.keepAlive) this.#keepAlive = false;
    this.#user?.onResponseHead(head);
  }

  onResponseData(chunk: Buffer): void {
    this.#user?.onResponseData(chunk);
  }

  /** Told to the user only when the reader has returned: what follows in the same bytes decides whether to pool. */
  onResponseEnd(trailers: FieldLines | undefined): void {
    this.#responseEnded = true;
    this.#trailers = trailers;
  }

  onTunnel(head: ResponseHead): void {
    // What is left of the body has a frame here and would have none behind the switch: two sides would read it differently.
    if (!this.#requestEnded) {
      this.#fail(
        proxyError(ERRORS.upstreamUpgrade, "the upstream switched protocols before the request had ended"),
      );
      return;
    }
    this.#state = "tunnel";
    // From now on this is about the tunnel's half.
    this.#requestEnded = false;
    this.#user?.onTunnel(head);
  }

  onMalformed(error: ProxyError): void {
    this.#fail(error);
  }

  // What the socket tells.

  #onData(chunk: Buffer): void {
    if (this.#state === "tunnel") {
      this.#user?.onResponseData(chunk);
      return;
    }
    // Nobody asked: it would be taken for the answer to the next request.
    if (this.#state !== "busy") {
      this.#close();
      return;
    }
    this.#responseBegun = true;
    const read = this.#reader.read(chunk, 0);
    if (this.#responseEnded) this.#finish(read === chunk.length);
    else if ((this.#state as State) === "tunnel" && read < chunk.length) {
      this.#user?.onResponseData(chunk.subarray(read));
    }
  }

  #onEnd(): void {
    if (this.#state === "busy") {
      // The end of a body that has no other; anything else the reader calls broken.
      this.#reader.end();
      if (this.#responseEnded) this.#finish(false);
    } else if (this.#state === "tunnel") {
      this.#responseEnded = true;
      this.#user?.onResponseEnd(undefined);
      this.#closeWhenTunnelEnded();
    } else this.#close();
  }

  #finish(clean: boolean): void {
    const user = this.#user;
    this.#user = undefined;
    // With the request still flowing (an early response), the connection cannot be framed again.
    if (clean && this.#keepAlive && this.#requestEnded && !this.#socket.destroyed) {
      this.#owner.wheel.disarm(this.#timer);
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#owner.onReleased(this);
    } else this.#close();
    user?.onResponseEnd(this.#trailers);
  }

  #closeWhenTunnelEnded(): void {
    if (!this.#requestEnded || !this.#responseEnded) return;
    this.#user = undefined;
    // What is still buffered may reach the peer, and the connection counts until it has.
    const { wheel, idleTimeoutMs } = this.#owner;
    new LingeringClose(this.#socket, wheel, idleTimeoutMs, true, () => this.#close());
  }

  #onBroken(detail: string): void {
    if (this.#state === "closed") return;
    this.#fail(proxyError(this.#responseBegun ? ERRORS.upstreamTruncated : ERRORS.upstreamReset, detail));
  }

  #fail(error: ProxyError): void {
    const user = this.#user;
    this.#user = undefined;
    this.#close();
    user?.onResponseAbort(error);
  }

  #close(): void {
    this.#leave();
    this.#reader.close();
    this.#writer.discard();
    this.#socket.destroy();
  }

  #leave(): void {
    this.#state = "closed";
    this.#owner.wheel.disarm(this.#timer);
    if (this.#retired) return;
    this.#retired = true;
    this.#owner.onRetired(this);
  }
}
