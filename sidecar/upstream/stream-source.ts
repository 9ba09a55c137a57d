import type { ProxyError } from "../../xds/common/errors.ts";
import type { UpstreamHandler, UpstreamStream } from "../codec/stream.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";

/** Who asks for a stream, and then uses it. Exactly one of the two answers comes, perhaps within `acquire`. */
export interface StreamUser extends UpstreamHandler {
  readonly breaker: CircuitBreaker;
  /** Only a connection that carried nothing before will do: an earlier attempt met one that had closed meanwhile. */
  readonly fresh: boolean;
  onStream(stream: UpstreamStream): void;
  /** No connection could be had; nothing was sent. */
  onNoStream(error: ProxyError): void;
}

/** Where streams to one endpoint come from: a pool for requests, a dialer for tunnels. */
export interface StreamSource {
  acquire(user: StreamUser): void;
  /** `user` no longer waits. Does nothing when it has its answer. */
  cancel(user: StreamUser): void;
}
