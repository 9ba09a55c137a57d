import { ChunkLine } from "./chunk-line.ts";
import { FieldReader } from "./field-lines.ts";
import { CR, LF, latin1 } from "./grammar.ts";
import type { BodyFraming, FieldLines } from "./head.ts";
import { HeadBuffer } from "./head-buffer.ts";
import type { MessageLimits } from "./limits.ts";
import { type Refusal, refusal } from "./refusal.ts";

const BAD_LINE_END = refusal("malformed", "a chunk's size line does not end with CR LF");
const BAD_CHUNK_END = refusal("malformed", "a chunk is not followed by CR LF");
const BAD_TRAILERS = refusal("malformed", "the trailer section is malformed");
const LONG_TRAILERS = refusal("head_too_large", "the trailer section is longer than allowed");

const CRLF = Buffer.from("\r\n", "latin1");

export interface BodySink {
  onBodyData(chunk: Buffer): void;
  onBodyEnd(trailers: FieldLines | undefined): void;
  onBodyRefused(refused: Refusal): void;
}

type State = "idle" | "length" | "close" | "size" | "size_lf" | "data" | "data_cr" | "data_lf" | "trailers";

/**
 * A message's body, by its framing (RFC 9112, 6 and 7). Data go to the sink as slices of the chunks that
 * came.
 */
export class BodyReader {
  #state: State = "idle";
  /** Bytes left of the body, or of the chunk. */
  #left = 0;
  readonly #sink: BodySink;
  readonly #limits: MessageLimits;
  readonly #line: ChunkLine;
  readonly #trailerBytes = new HeadBuffer();
  readonly #trailerFields: FieldReader;

  constructor(limits: MessageLimits, sink: BodySink) {
    this.#limits = limits;
    this.#sink = sink;
    this.#line = new ChunkLine(limits.maxChunkLineBytes);
    this.#trailerFields = new FieldReader("trailers", limits.maxFields, "allow");
  }

  get isIdle(): boolean {
    return this.#state === "idle";
  }

  /** Ends with the connection: then the peer's FIN is the end, and nothing else is. */
  get endsWithConnection(): boolean {
    return this.#state === "close";
  }

  /** Begins a body that is not empty. */
  start(framing: BodyFraming, contentLength: number): void {
    this.#left = contentLength;
    if (framing === "chunked") {
      this.#state = "size";
      this.#line.start();
    } else {
      this.#state = framing === "close" ? "close" : "length";
    }
  }

  stop(): void {
    this.#state = "idle";
    this.#trailerBytes.clear();
  }

  /**
   * Reads from `start` until the body ends. Gives the index behind its last byte; `isIdle` tells whether it
   * ended.
   */
  read(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length && this.#state !== "idle") {
      switch (this.#state) {
        case "length":
        case "data":
          at = this.#readData(chunk, at);
          break;
        case "close":
          this.#sink.onBodyData(at === 0 ? chunk : chunk.subarray(at));
          return chunk.length;
        case "trailers":
          at = this.#readTrailers(chunk, at);
          break;
        default:
          this.#takeFraming(chunk[at++] as number);
      }
    }
    return at;
  }

  #readData(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    const isLength = this.#state === "length";
    if (this.#left === 0 && !isLength) this.#state = "data_cr";
    this.#sink.onBodyData(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (this.#left === 0 && this.#state === "length") this.#end(undefined);
    return end;
  }

  #takeFraming(byte: number): void {
    switch (this.#state) {
      case "size": {
        const taken = this.#line.take(byte);
        if (taken === true) this.#state = "size_lf";
        else if (taken !== false) this.#refuse(taken);
        return;
      }
      case "size_lf":
        if (byte !== LF) this.#refuse(BAD_LINE_END);
        else if (this.#line.size > 0) {
          this.#left = this.#line.size;
          this.#state = "data";
        } else {
          this.#state = "trailers";
          // With the line end that stands before it, the section ends as a head does: with an empty line.
          this.#trailerBytes.append(CRLF, 0, this.#limits.maxHeadBytes);
        }
        return;
      case "data_cr":
        if (byte !== CR) this.#refuse(BAD_CHUNK_END);
        else this.#state = "data_lf";
        return;
      default:
        if (byte !== LF) this.#refuse(BAD_CHUNK_END);
        else {
          this.#state = "size";
          this.#line.start();
        }
    }
  }

  #readTrailers(chunk: Buffer, at: number): number {
    const section = this.#trailerBytes;
    const end = section.append(chunk, at, this.#limits.maxHeadBytes);
    if (section.length > this.#limits.maxHeadBytes) this.#refuse(LONG_TRAILERS);
    else if (end < 0) {
      if (!section.isPlausible) this.#refuse(BAD_TRAILERS);
    } else {
      const linesEnd = section.length - CRLF.length;
      const text = latin1(section.bytes, 0, linesEnd);
      const refused = this.#trailerFields.read(section.bytes, CRLF.length, linesEnd, text, 0);
      if (refused !== undefined) this.#refuse(refused);
      else {
        const { fields } = this.#trailerFields;
        section.clear();
        this.#end(fields.length > 0 ? fields : undefined);
      }
    }
    return end < 0 ? chunk.length : end;
  }

  #end(trailers: FieldLines | undefined): void {
    this.#state = "idle";
    this.#sink.onBodyEnd(trailers);
  }

  #refuse(refused: Refusal): void {
    this.stop();
    this.#sink.onBodyRefused(refused);
  }
}
