import type { ProxyError } from "../../xds/common/errors.ts";
import type { FieldLines, RequestHead, ResponseHead } from "./head.ts";

/*
 * The narrow contract between wire formats and the phases of an exchange. HTTP/1.1 implements it on both sides, HTTP/2 will,
 * and the phases never ask which it is. Everything is synchronous: a call delivers, its return value tells whether to go on.
 *
 * Flow control: a `send…` that returns false was taken, but the peer is slow; stop the source until `onDrain`.
 * Ending: exactly one of `…End` and `…Abort` comes for each direction, and nothing after it. `abort` may be called at any time, more
 * than once, and makes no event on the side that called it.
 * Buffers: a chunk is valid while the event that delivered it is being handled; its memory is read into again afterwards. Who needs it
 * for longer copies it.
 */

/** One request of a downstream connection, as the exchange drives it. */
export interface DownstreamStream {
  readonly remoteAddress: string;
  readonly localAddress: string;
  pauseRequest(): void;
  resumeRequest(): void;
  /** 100, 103 and other 1xx but 101. */
  sendInformational(head: ResponseHead): void;
  /** `end`: no body follows. */
  sendHead(head: ResponseHead, end: boolean): boolean;
  sendData(chunk: Buffer): boolean;
  /** Head and whole body in one write. */
  sendMessage(head: ResponseHead, body: Buffer): void;
  sendEnd(trailers: FieldLines | undefined): void;
  /** After a 2xx to CONNECT or a 101: bytes flow both ways as request and response data until either side ends. */
  startTunnel(head: ResponseHead): void;
  /** Ends the stream so that the caller sees it broken: a response in flight is cut short, never made to look whole. */
  abort(error: ProxyError): void;
}

/** What a downstream stream tells its exchange. */
export interface DownstreamHandler {
  onRequestData(chunk: Buffer): void;
  onRequestEnd(trailers: FieldLines | undefined): void;
  /** The caller is gone, or sent garbage in the body. */
  onRequestAbort(error: ProxyError): void;
  onDownstreamDrain(): void;
}

/** One request on an upstream connection. */
export interface UpstreamStream {
  /** The connection had carried a request before this one. */
  readonly reused: boolean;
  /** The address really connected to. */
  readonly peerAddress: string;
  pauseResponse(): void;
  resumeResponse(): void;
  sendHead(head: RequestHead, end: boolean): boolean;
  sendData(chunk: Buffer): boolean;
  sendMessage(head: RequestHead, body: Buffer): void;
  sendEnd(trailers: FieldLines | undefined): void;
  /** The rest of the response is not wanted. Where reading it is cheap, the connection is kept. Makes no event, as `abort`. */
  discard(): void;
  abort(error: ProxyError): void;
}

/** What an upstream stream tells the attempt that uses it. */
export interface UpstreamHandler {
  onInformational(head: ResponseHead): void;
  onResponseHead(head: ResponseHead): void;
  onResponseData(chunk: Buffer): void;
  onResponseEnd(trailers: FieldLines | undefined): void;
  /** The connection broke, closed too early, or sent garbage. */
  onResponseAbort(error: ProxyError): void;
  onUpstreamDrain(): void;
  /** The upstream switched protocols (101) or accepted a CONNECT: response data are tunnel bytes from now on. */
  onTunnel(head: ResponseHead): void;
}
