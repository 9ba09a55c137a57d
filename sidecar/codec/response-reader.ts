import { ERRORS, type ProxyError, proxyError } from "../../xds/common/errors.ts";
import { BodyReader, type BodySink } from "./body-reader.ts";
import { FieldReader } from "./field-lines.ts";
import { latin1 } from "./grammar.ts";
import type { BodyFraming, FieldLines, ResponseHead } from "./head.ts";
import { HeadBuffer, headEnd } from "./head-buffer.ts";
import type { MessageLimits } from "./limits.ts";
import { type Refusal, refusal, responseError } from "./refusal.ts";
import { BAD_LINE, beginsResponse, StatusLine } from "./status-line.ts";

const CODING_IN_1_0 = refusal("malformed", "Transfer-Encoding in an HTTP/1.0 message");
const CODING_AND_LENGTH = refusal("malformed", "both Transfer-Encoding and Content-Length");
const LONG_HEAD = refusal("head_too_large", "the response head is longer than allowed");
const GARBAGE = refusal("malformed", "a control character, or a line that does not end with CR LF");
const MANY_INTERIM = refusal("malformed", "more interim responses than allowed");
const INTERIM_BODY = refusal("malformed", "an interim response that claims to have a body");
const UNSOLICITED = refusal("malformed", "bytes that answer no request");

/**
 * What is read, in order: any interim heads, then one head, data, one end; or a tunnel; or `onMalformed`, and
 * nothing after it.
 */
export interface ResponseSink {
  /** 1xx but 101. */
  onInformational(head: ResponseHead): void;
  onResponseHead(head: ResponseHead): void;
  onResponseData(chunk: Buffer): void;
  onResponseEnd(trailers: FieldLines | undefined): void;
  /** 101, or 2xx to CONNECT: what `read` left unread, and all that follows, is the tunnel's. */
  onTunnel(head: ResponseHead): void;
  /** The connection cannot go on. */
  onMalformed(error: ProxyError): void;
}

/**
 * Reads the responses of one connection, as strictly as requests are read: an upstream that is not understood
 * fails its request (502) instead of shaping the next one's answer. Call `expect` before each request is
 * sent.
 */
export class ResponseReader implements BodySink {
  readonly #limits: MessageLimits;
  readonly #sink: ResponseSink;
  readonly #line = new StatusLine();
  readonly #fields: FieldReader;
  readonly #body: BodyReader;
  readonly #held = new HeadBuffer();
  #method = "";
  #upgrade = "";
  #interim = 0;
  #state: "idle" | "head" | "body" | "ended" | "closed" = "idle";
  #trailers: FieldLines | undefined;
  #mayReuse = false;

  constructor(limits: MessageLimits, sink: ResponseSink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#fields = new FieldReader("response", limits.maxFields, "allow");
    this.#body = new BodyReader(limits, this);
  }

  /** No response is awaited. */
  get isIdle(): boolean {
    return this.#state === "idle";
  }

  /**
   * May the connection carry another request? True after a response that ended whole, allowed it, and was
   * followed by no byte that nobody asked for. Stands when `onResponseEnd` is called.
   */
  get isReusable(): boolean {
    return this.#mayReuse && this.#state === "idle";
  }

  /**
   * A request is about to be sent. `upgrade` is the head's: only then may a 101 come, and only with that
   * protocol.
   */
  expect(method: string, upgrade: string): void {
    this.#method = method;
    this.#upgrade = upgrade;
    this.#interim = 0;
    this.#mayReuse = false;
    if (this.#state !== "closed") this.#state = "head";
  }

  /**
   * Reads from `start` to the end of the awaited response at most, interim ones included, and gives the index
   * of the first byte that was not read: after a tunnel's head they are the tunnel's, after a whole response
   * nobody asked for them.
   */
  read(chunk: Buffer, start: number): number {
    let at = start;
    if (this.#state === "idle" && at < chunk.length) this.#refuse(UNSOLICITED);
    while (this.#state === "head" && at < chunk.length) at = this.#readHead(chunk, at);
    if (this.#state === "body") at = this.#body.read(chunk, at);
    // Told last, when it is known whether bytes are left: whoever hears of the end may send the next request
    // at once.
    if (this.#state === "ended") this.#finish(at === chunk.length);
    return this.#state === "closed" ? chunk.length : at;
  }

  /** The upstream sends no more: the end of a body that has no other, an error inside any other response. */
  end(): void {
    if (this.#state === "body" && this.#body.endsWithConnection) {
      this.#body.stop();
      this.#trailers = undefined;
      this.#finish(false);
      return;
    }
    if (this.#state !== "head" && this.#state !== "body") return;
    const untouched = this.#state === "head" && this.#held.isEmpty && this.#interim === 0;
    this.close();
    this.#sink.onMalformed(
      untouched
        ? proxyError(ERRORS.upstreamReset, "the upstream closed the connection without an answer")
        : proxyError(ERRORS.upstreamTruncated, "the upstream closed the connection inside its response"),
    );
  }

  /** No more events, also not from the `read` that is under way. */
  close(): void {
    this.#state = "closed";
    this.#held.clear();
    this.#body.stop();
  }

  onBodyData(chunk: Buffer): void {
    this.#sink.onResponseData(chunk);
  }

  onBodyEnd(trailers: FieldLines | undefined): void {
    if (this.#state === "closed") return;
    this.#trailers = trailers;
    this.#state = "ended";
  }

  onBodyRefused(refused: Refusal): void {
    this.#refuse(refused);
  }

  #refuse(refused: Refusal): void {
    this.close();
    this.#sink.onMalformed(responseError(refused));
  }

  #readHead(chunk: Buffer, start: number): number {
    const held = this.#held;
    const { maxHeadBytes } = this.#limits;
    let end = held.isEmpty ? headEnd(chunk, start, chunk.length) : -1;
    if (end >= 0) {
      this.#takeHead(chunk, start, end);
      return end;
    }
    end = held.append(chunk, start, maxHeadBytes);
    if (end < 0 && held.length <= maxHeadBytes) {
      if (!held.isPlausible) this.#refuse(GARBAGE);
      else if (!beginsResponse(held.bytes, held.length)) this.#refuse(BAD_LINE);
      return chunk.length;
    }
    const { bytes, length } = held;
    held.clear();
    this.#takeHead(bytes, 0, length);
    return end < 0 ? chunk.length : end;
  }

  #takeHead(bytes: Buffer, from: number, end: number): void {
    const refused = this.#parseHead(bytes, from, end);
    if (refused !== undefined) {
      this.#refuse(refused);
      return;
    }
    const { status } = this.#line;
    if (status === 101) this.#takeSwitch();
    else if (status < 200) this.#takeInterim();
    else if (this.#method === "CONNECT" && status < 300) this.#takeTunnel();
    else this.#takeFinal();
  }

  #parseHead(bytes: Buffer, from: number, end: number): Refusal | undefined {
    if (end - from > this.#limits.maxHeadBytes) return LONG_HEAD;
    const text = latin1(bytes, from, end);
    const refused =
      this.#line.read(bytes, from, text, from) ??
      this.#fields.read(bytes, this.#line.end, end - 2, text, from);
    if (refused !== undefined) return refused;
    if (this.#fields.chunked && this.#line.version === 0) return CODING_IN_1_0;
    return this.#fields.chunked && this.#fields.contentLength >= 0 ? CODING_AND_LENGTH : undefined;
  }

  #takeSwitch(): void {
    const { upgrade } = this.#fields;
    if (this.#upgrade === "" || upgrade !== this.#upgrade || this.#line.version === 0) {
      this.close();
      this.#sink.onMalformed(
        proxyError(ERRORS.upstreamUpgrade, "the upstream switched to a protocol that was not asked for"),
      );
      return;
    }
    this.#takeTunnel();
  }

  #takeTunnel(): void {
    this.#state = "idle";
    this.#sink.onTunnel(this.#handOver("none", true));
  }

  #takeInterim(): void {
    // It has no body whatever it claims (RFC 9112, 6.3), but not all parsers know that: where the next
    // response begins is in doubt.
    if (this.#fields.chunked || this.#fields.contentLength > 0) this.#refuse(INTERIM_BODY);
    else if (++this.#interim > this.#limits.maxInformational) this.#refuse(MANY_INTERIM);
    else this.#sink.onInformational(this.#handOver("none", true));
  }

  /** RFC 9112, 6.3: how a response is framed. */
  #takeFinal(): void {
    const { status } = this.#line;
    const { chunked, contentLength } = this.#fields;
    if (this.#method === "HEAD" || status === 204 || status === 304) this.#takeBodiless(status === 204);
    else if (chunked) this.#takeBody("chunked");
    else if (contentLength < 0) this.#takeBody("close");
    else if (contentLength > 0) this.#takeBody("length");
    else this.#takeEmpty(this.#handOver("length", false));
  }

  /** HEAD and 304 tell the length that a GET would have; 204 has none to tell (RFC 9110, 8.6). */
  #takeBodiless(dropLength: boolean): void {
    this.#takeEmpty(this.#handOver("none", dropLength));
  }

  #takeBody(framing: BodyFraming): void {
    this.#state = "body";
    this.#body.start(framing, this.#fields.contentLength);
    const head = this.#handOver(framing, false);
    this.#mayReuse = head.keepAlive;
    this.#sink.onResponseHead(head);
  }

  #takeEmpty(head: ResponseHead): void {
    this.#mayReuse = head.keepAlive;
    this.#sink.onResponseHead(head);
    this.onBodyEnd(undefined);
  }

  #finish(clean: boolean): void {
    const trailers = this.#trailers;
    this.#trailers = undefined;
    this.#mayReuse &&= clean;
    this.#state = "idle";
    this.#sink.onResponseEnd(trailers);
  }

  /** The head as it was read, which the readers let go of. */
  #handOver(framing: BodyFraming, dropLength: boolean): ResponseHead {
    const { status, reason, version } = this.#line;
    const { fields, block, contentLength, close, keepAlive, upgrade } = this.#fields;
    this.#line.release();
    this.#fields.release();
    return {
      status,
      reason,
      version,
      fields: dropLength && contentLength >= 0 ? withoutLength(fields) : fields,
      block,
      framing,
      contentLength: framing === "length" ? contentLength : -1,
      keepAlive: framing !== "close" && !close && (version === 1 || keepAlive),
      upgrade: status === 101 ? upgrade : "",
    };
  }
}

function withoutLength(fields: FieldLines): FieldLines {
  const kept: FieldLines = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.toLowerCase() !== "content-length") kept.push(name, fields[i + 1] as string);
  }
  return kept;
}
