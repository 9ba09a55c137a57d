import type { Socket } from "node:net";
import type { BodyFraming, FieldLines, RequestHead, ResponseHead } from "../codec/head.ts";
import { framingFor, writeLastChunk, writeResponseHead } from "../codec/writer.ts";
import type { SocketWriter } from "../upstream/socket-writer.ts";

/** What every response begins with, whatever the caller's version of HTTP. */
const BEGINNING = Buffer.from("HTTP/1.1 ", "latin1");
/** Writing nothing sends nothing, but fails once the peer has answered something sent before with a reset. */
const NOTHING = Buffer.alloc(0);

/** How a connection's responses go out, one after the other, each framed for the request that it answers. */
export class Http1Response {
  /** Its head is out. */
  begun = false;
  /** Its end is out. */
  ended = false;
  /** The connection takes another request after it. */
  keepAlive = true;
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  #request: RequestHead | undefined;
  #framing: BodyFraming = "none";
  /** Of the next head, by probes. */
  #sentBytes = 0;
  #probes = 0;

  constructor(socket: Socket, writer: SocketWriter) {
    this.#socket = socket;
    this.#writer = writer;
  }

  /** The next one answers `request`; undefined: there is none yet. */
  expect(request: RequestHead | undefined): void {
    this.#request = request;
    this.ended = false;
    this.#probes = 0;
    if (!request) return;
    this.begun = false;
    this.keepAlive = request.keepAlive;
  }

  /** Nothing follows the head of the request that is answered. */
  get isToBodiless(): boolean {
    const request = this.#request;
    return request !== undefined && request.framing !== "chunked" && request.contentLength <= 0;
  }

  get isToHead(): boolean {
    return this.#request?.method === "HEAD";
  }

  /** Only the connection's end tells its end. */
  get endsWithConnection(): boolean {
    return this.#framing === "close";
  }

  get #version(): 0 | 1 | 2 {
    return this.#request?.version ?? 1;
  }

  /** HTTP/1.0 callers know no interim responses (RFC 9110, 15.2). */
  inform(head: ResponseHead): void {
    if (this.#version !== 0) this.#writeHead(head, true);
  }

  /** @param mayStay nothing but the response itself speaks against another request. */
  begin(head: ResponseHead, mayStay: boolean): void {
    this.begun = true;
    this.#framing = framingFor(head.framing, this.#version);
    this.keepAlive = this.keepAlive && mayStay && this.#framing !== "close";
    this.#writeHead(head, this.keepAlive);
  }

  /** After this head there is no framing: bytes go by the writer. */
  beginTunnel(head: ResponseHead): void {
    this.begun = true;
    this.#writeHead(head, true);
  }

  data(chunk: Buffer): boolean {
    return this.#framing === "chunked" ? this.#writer.writeChunk(chunk) : this.#writer.write(chunk);
  }

  end(trailers: FieldLines | undefined): void {
    this.ended = true;
    if (this.#framing !== "chunked") return;
    writeLastChunk(this.#writer.gather(), this.#request?.acceptsTrailers ? trailers : undefined);
  }

  /**
   * Is the caller still there? Only sending tells. The first bytes of the response, which are the same for every one, do no harm to who
   * listens and draw a reset from who does not; the next probe meets it. There are few, so that the time from one to the next doubles.
   */
  probe(): void {
    // An interim response may have been given a moment ago.
    this.#writer.flush();
    const number = ++this.#probes;
    const sends = !this.begun && (number & (number - 1)) === 0 && this.#sentBytes < BEGINNING.length;
    this.#socket.write(sends ? BEGINNING.subarray(this.#sentBytes, ++this.#sentBytes) : NOTHING);
  }

  #writeHead(head: ResponseHead, keepAlive: boolean): void {
    writeResponseHead(this.#writer.gather(), head, this.#version, keepAlive);
    this.#writer.skip(this.#sentBytes);
    this.#sentBytes = 0;
  }
}
