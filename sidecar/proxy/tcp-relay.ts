import type { Socket } from "node:net";
import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { type Member, NOWHERE } from "../../xds/common/live-set.ts";
import type { Expiring } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import type { TcpProxy } from "../../xds/model/listener.ts";
import type { Slot } from "../balancing/balancer.ts";
import type { UpstreamStream } from "../codec/stream.ts";
import { LingeringClose } from "../upstream/lingering-close.ts";
import { resetSocket } from "../upstream/reset-socket.ts";
import { SocketWriter } from "../upstream/socket-writer.ts";
import { onRead } from "../upstream/turn.ts";
import type { UpstreamCluster } from "../upstream/upstream-cluster.ts";
import type { AttemptOwner } from "./attempt.ts";
import { Attempt } from "./attempt.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** One connection of a `tcp_proxy` listener: an endpoint is picked for it, and bytes pass until both sides have ended. */
export class TcpRelay implements AttemptOwner, Expiring, Member {
  readonly context: ProxyContext;
  readonly grpc = false;
  readonly tunnels = true;
  readonly hash = undefined;
  place = NOWHERE;
  tried: readonly Slot[] = [];
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #filter: TcpProxy;
  readonly #onClosed: (relay: TcpRelay) => void;
  readonly #timer = new WheelTimer(this);
  #cluster: UpstreamCluster | undefined;
  #attempt: Attempt | undefined;
  #attempts = 0;
  #activeAt: number;
  #callerEnded: boolean;
  #upstreamEnded = false;
  #over = false;
  #lingering: LingeringClose | undefined;

  constructor(context: ProxyContext, socket: Socket, filter: TcpProxy, onClosed: (relay: TcpRelay) => void) {
    this.context = context;
    this.#socket = socket;
    this.#writer = new SocketWriter(socket);
    this.#filter = filter;
    this.#onClosed = onClosed;
    this.#activeAt = context.clock.now();
    // It may have waited for a place.
    this.#callerEnded = socket.readableEnded;
    context.counts.tunnels++;
    // Nothing is read before there is somebody to give it to.
    socket.pause();
    onRead(socket, (chunk) => this.#onData(chunk));
    socket.on("end", () => this.#onCallerEnd());
    socket.on("drain", () => this.#attempt?.stream?.resumeResponse());
    socket.on("error", () => this.#onCallerGone());
    socket.on("close", () => this.#onCallerGone());
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  begin(): void {
    this.#cluster = this.context.clusters.get(this.#clusterName());
    if (!this.#cluster) {
      this.#end();
      return;
    }
    if (this.#filter.idleTimeoutMs > 0) this.context.wheel.arm(this.#timer, this.#filter.idleTimeoutMs);
    this.#try(this.#cluster);
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#onCallerGone();
  }

  #clusterName(): string {
    const { clusters } = this.#filter;
    let point = this.context.random() * clusters.reduce((sum, { weight }) => sum + weight, 0);
    for (const { cluster, weight } of clusters) {
      point -= weight;
      if (point < 0) return cluster;
    }
    return clusters[clusters.length - 1]?.cluster ?? "";
  }

  #try(cluster: UpstreamCluster): void {
    const attempt = new Attempt(this, cluster, cluster.breakers.default, this.#attempts++);
    this.#release();
    this.#attempt = attempt;
    if (!cluster.breakers.default.admitsRequest())
      attempt.cancel(proxyError(ERRORS.overflow, "max_requests"));
    else if (attempt.pick()) {
      attempt.connect();
      return;
    }
    this.#end();
  }

  onAttemptReady(_attempt: Attempt, stream: UpstreamStream): void {
    this.#socket.resume();
    // Its FIN came before there was anybody to tell.
    if (this.#callerEnded) stream.sendEnd(undefined);
  }

  onAttemptFailed(attempt: Attempt, error: ProxyError): void {
    const again = error.kind.retryable === "yes" && this.#attempts < this.#filter.maxConnectAttempts;
    if (!again || !this.#cluster || this.#over) {
      this.#end();
      return;
    }
    this.tried = [...this.tried, attempt.slot];
    this.#try(this.#cluster);
  }

  onAttemptInformational(): void {}
  onAttemptResponse(): void {}
  onAttemptTunnel(): void {}

  onAttemptData(_attempt: Attempt, chunk: Buffer): void {
    this.#activeAt = this.context.clock.now();
    if (!this.#writer.write(chunk)) this.#attempt?.stream?.pauseResponse();
  }

  onAttemptEnd(): void {
    this.#upstreamEnded = true;
    this.#writer.end();
    this.#endWhenBoth();
  }

  onAttemptDrain(): void {
    this.#socket.resume();
  }

  onExpired(): void {
    const left = this.#activeAt + this.#filter.idleTimeoutMs - this.context.clock.now();
    if (left > 0) this.context.wheel.arm(this.#timer, left);
    else {
      this.#attempt?.cancel(proxyError(ERRORS.streamIdleTimeout, "no byte either way"));
      this.#end();
    }
  }

  #onData(chunk: Buffer): void {
    this.#activeAt = this.context.clock.now();
    const stream: UpstreamStream | undefined = this.#attempt?.stream;
    if (stream && !stream.sendData(chunk)) this.#socket.pause();
  }

  #onCallerEnd(): void {
    this.#callerEnded = true;
    this.#attempt?.stream?.sendEnd(undefined);
    this.#endWhenBoth();
  }

  #endWhenBoth(): void {
    if (!this.#callerEnded || !this.#upstreamEnded || this.#over) return;
    this.#attempt?.endTunnel();
    this.#over = true;
    const { wheel } = this.context;
    wheel.disarm(this.#timer);
    // A caller that reads slowly gets the rest, and counts until it has.
    this.#lingering = new LingeringClose(this.#socket, wheel, this.#filter.idleTimeoutMs, true, () =>
      this.#leave(),
    );
  }

  #onCallerGone(): void {
    this.#lingering?.close();
    if (this.#over) return;
    this.#attempt?.cancel(proxyError(ERRORS.downstreamDisconnect, "the caller closed the connection"));
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#writer.flush();
    // A caller must not take a broken stream for a whole one.
    if (this.#attempts > 0) resetSocket(this.#socket);
    else this.#socket.destroy();
    this.#leave();
  }

  #leave(): void {
    this.context.wheel.disarm(this.#timer);
    this.context.counts.tunnels--;
    this.#release();
    this.#onClosed(this);
  }

  #release(): void {
    if (this.#attempt) this.context.evidence.give(this.#attempt.evidence);
    this.#attempt = undefined;
  }
}
