import { ERRORS, type ProxyError, proxyError } from "../../xds/common/errors.ts";
import { isAuthority } from "./authority.ts";
import { BodyReader, type BodySink } from "./body-reader.ts";
import { FieldReader, type Underscores } from "./field-lines.ts";
import { CR, LF, latin1 } from "./grammar.ts";
import type { BodyFraming, FieldLines, RequestHead } from "./head.ts";
import { HeadBuffer, headEnd } from "./head-buffer.ts";
import type { MessageLimits } from "./limits.ts";
import { type Refusal, refusal, requestError } from "./refusal.ts";
import { RequestLine } from "./request-line.ts";

const NO_HOST = refusal("malformed", "Host is missing");
const BAD_HOST = refusal("malformed", "Host is not a host with an optional port");
const CODING_IN_1_0 = refusal("malformed", "Transfer-Encoding in an HTTP/1.0 message");
const CODING_AND_LENGTH = refusal("malformed", "both Transfer-Encoding and Content-Length");
const CONNECT_BODY = refusal("malformed", "a CONNECT with a body");
const LONG_HEAD = refusal("head_too_large", "the request head is longer than allowed");
const LONG_LINE = refusal("target_too_long", "the request line is longer than a head may be");
const EMPTY_LINES = refusal("malformed", "more empty lines than allowed before a request");
const GARBAGE = refusal("malformed", "a control character, or a line that does not end with CR LF");

const CRLF = Buffer.from("\r\n", "latin1");
/**
 * Empty lines in front of a request that are read over: old clients send one after a body (RFC 9112, 2.2).
 */
const MAX_EMPTY_LINES = 2;

export interface RequestOptions {
  readonly limits: MessageLimits;
  /**
   * Of the connection. An absolute-form target does not change it: what it says was not checked by anybody.
   */
  readonly scheme: "http" | "https";
  readonly underscores: Underscores;
}

/** What is read, in order: one head, data, one end; or `onMalformed` at any point, and nothing after it. */
export interface RequestSink {
  onRequestHead(head: RequestHead): void;
  onRequestData(chunk: Buffer): void;
  onRequestEnd(trailers: FieldLines | undefined): void;
  /** The connection cannot go on: answer if no answer has begun, then close. */
  onMalformed(error: ProxyError): void;
}

/**
 * Reads the requests of one connection by the letter of RFC 9112: what is not in its grammar is refused,
 * because what one peer mends another reads differently. No socket: bytes in, events out, all within `read`.
 */
export class RequestReader implements BodySink {
  readonly #options: RequestOptions;
  readonly #sink: RequestSink;
  readonly #line: RequestLine;
  readonly #fields: FieldReader;
  readonly #body: BodyReader;
  readonly #held = new HeadBuffer();
  #emptyLines = 0;
  /** The CR of an empty line has come, its LF has not. */
  #emptyLineBegun = false;
  #lineChecked = false;
  #lastHost: string | undefined;
  #inBody = false;
  #isLast = false;
  #closed = false;

  constructor(options: RequestOptions, sink: RequestSink) {
    this.#options = options;
    this.#sink = sink;
    this.#line = new RequestLine(options.limits.maxTargetBytes);
    this.#fields = new FieldReader("request", options.limits.maxFields, options.underscores);
    this.#body = new BodyReader(options.limits, this);
  }

  /** Between two requests, with nothing held of the next. */
  get isIdle(): boolean {
    return !this.#inBody && this.#held.isEmpty;
  }

  /** The caller said that it sends no request after the one that was read last. */
  get isLast(): boolean {
    return this.#isLast;
  }

  /** The method of a head that was refused, as far as it was read; empty: unknown. */
  get refusedMethod(): string {
    return this.#line.method;
  }

  /**
   * Reads from `start` to the end of one request at most, and gives the index of the first byte that was not
   * read: bytes of a next request (or of a tunnel) wait until the caller offers them. After a refusal, after
   * `close`, and behind a request that was to be the last (RFC 9112, 9.6) everything is swallowed.
   */
  read(chunk: Buffer, start: number): number {
    let at = start;
    if (this.#closed || (this.#isLast && !this.#inBody)) return chunk.length;
    if (!this.#inBody) at = this.#readHead(chunk, at);
    if (this.#inBody) at = this.#body.read(chunk, at);
    return this.#closed ? chunk.length : at;
  }

  /** The caller sends no more. Between requests that is no error. */
  end(): void {
    if (this.#closed || this.isIdle) return;
    this.close();
    this.#sink.onMalformed(proxyError(ERRORS.downstreamDisconnect, "the connection ended inside a request"));
  }

  /** No more events, also not from the `read` that is under way. */
  close(): void {
    this.#closed = true;
    this.#inBody = false;
    this.#held.clear();
    this.#body.stop();
  }

  onBodyData(chunk: Buffer): void {
    this.#sink.onRequestData(chunk);
  }

  onBodyEnd(trailers: FieldLines | undefined): void {
    this.#inBody = false;
    if (!this.#closed) this.#sink.onRequestEnd(trailers);
  }

  onBodyRefused(refused: Refusal): void {
    this.#refuse(refused);
  }

  #refuse(refused: Refusal): void {
    this.close();
    this.#sink.onMalformed(requestError(refused));
  }

  #readHead(chunk: Buffer, start: number): number {
    let at = start;
    if (this.#held.isEmpty) {
      at = this.#skipEmptyLines(chunk, at);
      if (at === chunk.length || this.#closed) return at;
      const end = headEnd(chunk, at, chunk.length);
      if (end >= 0) {
        this.#takeHead(chunk, at, end);
        return end;
      }
    }
    return this.#holdHead(chunk, at);
  }

  #skipEmptyLines(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length && (this.#emptyLineBegun || chunk[at] === CR)) {
      if (!this.#emptyLineBegun) at++;
      this.#emptyLineBegun = at === chunk.length;
      if (this.#emptyLineBegun) break;
      if (chunk[at] !== LF || ++this.#emptyLines > MAX_EMPTY_LINES) {
        this.#refuse(EMPTY_LINES);
        break;
      }
      at++;
    }
    return at;
  }

  /** The slow way, for heads that come in pieces. */
  #holdHead(chunk: Buffer, at: number): number {
    const held = this.#held;
    const { maxHeadBytes } = this.#options.limits;
    const end = held.append(chunk, at, maxHeadBytes);
    if (end < 0 && held.length <= maxHeadBytes) {
      const refused = this.#checkHeld();
      if (refused !== undefined) this.#refuse(refused);
      return chunk.length;
    }
    const { bytes, length } = held;
    held.clear();
    this.#takeHead(bytes, 0, length);
    return end < 0 ? chunk.length : end;
  }

  /** What of an unfinished head can be refused already. */
  #checkHeld(): Refusal | undefined {
    if (!this.#held.isPlausible) return GARBAGE;
    if (this.#lineChecked) return undefined;
    const { bytes, length } = this.#held;
    const lineEnd = bytes.subarray(0, length).indexOf(CRLF);
    if (lineEnd < 0) return undefined;
    this.#lineChecked = true;
    return this.#line.read(bytes, 0, latin1(bytes, 0, lineEnd), 0);
  }

  #takeHead(bytes: Buffer, from: number, end: number): void {
    this.#emptyLines = 0;
    this.#lineChecked = false;
    const refused = this.#parseHead(bytes, from, end);
    if (refused !== undefined) {
      this.#refuse(refused);
      return;
    }
    const { version, method, target } = this.#line;
    const fields = this.#fields;
    let framing: BodyFraming = "none";
    if (fields.chunked) framing = "chunked";
    else if (fields.contentLength >= 0) framing = "length";
    const hasBody = framing === "chunked" || fields.contentLength > 0;
    const isProxied = this.#line.authority !== "";
    const head: RequestHead = {
      method,
      target,
      authority: isProxied ? this.#line.authority : (fields.host ?? ""),
      scheme: this.#options.scheme,
      version,
      fields: fields.fields,
      block: fields.block,
      framing,
      contentLength: fields.contentLength,
      // A proxy's HTTP/1.0 client may mean its keep-alive for the next hop (RFC 9112, 9.3 and C.2.2).
      keepAlive: !fields.close && (version === 1 || (fields.keepAlive && !isProxied)),
      upgrade: version === 1 ? fields.upgrade : "",
      expectContinue: version === 1 && hasBody && fields.expectContinue,
      acceptsTrailers: version === 1 && fields.acceptsTrailers,
    };
    this.#isLast = !head.keepAlive;
    if (hasBody) {
      this.#inBody = true;
      this.#body.start(framing, fields.contentLength);
    }
    this.#line.release();
    fields.release();
    this.#sink.onRequestHead(head);
    if (!hasBody && !this.#closed) this.#sink.onRequestEnd(undefined);
  }

  #parseHead(bytes: Buffer, from: number, end: number): Refusal | undefined {
    const { maxHeadBytes } = this.#options.limits;
    if (end - from > maxHeadBytes) {
      const lineEnd = bytes.indexOf(CRLF, from);
      return lineEnd < 0 || lineEnd - from > maxHeadBytes ? LONG_LINE : LONG_HEAD;
    }
    const text = latin1(bytes, from, end);
    const refused =
      this.#line.read(bytes, from, text, from) ??
      this.#fields.read(bytes, this.#line.end, end - 2, text, from);
    if (refused !== undefined) return refused;
    return this.#checkHost() ?? this.#checkFraming();
  }

  #checkHost(): Refusal | undefined {
    const { host } = this.#fields;
    if (host === undefined) return this.#line.version === 1 ? NO_HOST : undefined;
    // Connections name few hosts: the last one was judged already, and as a Map's key its hash is known.
    if (host === this.#lastHost) this.#fields.host = this.#lastHost;
    // A copy, because a slice would keep the whole head in memory for as long as the connection lasts.
    else if (isAuthority(host)) this.#lastHost = Buffer.from(host, "latin1").toString("latin1");
    else return BAD_HOST;
    return undefined;
  }

  #checkFraming(): Refusal | undefined {
    const { chunked, contentLength } = this.#fields;
    if (chunked && this.#line.version === 0) return CODING_IN_1_0;
    if (chunked && contentLength >= 0) return CODING_AND_LENGTH;
    return this.#line.method === "CONNECT" && (chunked || contentLength > 0) ? CONNECT_BODY : undefined;
  }
}
