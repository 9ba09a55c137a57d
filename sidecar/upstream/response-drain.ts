import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { UpstreamHandler, UpstreamStream } from "../codec/stream.ts";

/** A longer rest costs more to read than a new connection. */
const MOST_DRAINED_BYTES = 64 * 1024;
/** The rest of an answer that is not wanted has this long to come, in ms. */
export const DRAIN_MS = 1_000;

/** Reads a response that nobody wants any more, so that its connection may serve on; a long one ends the connection. */
export class ResponseDrain implements UpstreamHandler {
  readonly #stream: UpstreamStream;
  #bytes = 0;

  constructor(stream: UpstreamStream) {
    this.#stream = stream;
  }

  onResponseData(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_DRAINED_BYTES) this.#end();
  }

  onTunnel(): void {
    this.#end();
  }

  #end(): void {
    this.#stream.abort(proxyError(ERRORS.internal, "the response is not wanted"));
  }

  onInformational(): void {}
  onResponseHead(): void {}
  onResponseEnd(): void {}
  onResponseAbort(_error: ProxyError): void {}
  onUpstreamDrain(): void {}
}
