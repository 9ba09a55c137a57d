import type { FieldLines, RequestHead, ResponseHead } from "../../sidecar/codec/head.ts";
import { DEFAULT_LIMITS, type MessageLimits } from "../../sidecar/codec/limits.ts";
import { type RequestOptions, RequestReader } from "../../sidecar/codec/request-reader.ts";
import { ResponseReader } from "../../sidecar/codec/response-reader.ts";
import type { ProxyError } from "../../xds/common/errors.ts";

/** A message as its reader told it, with data joined: how they were cut up does not matter. */
export interface Message<Head> {
  head: Head;
  body: string;
  /** "whole": ended without trailers. */
  end: "open" | "whole" | FieldLines;
}

export class Recorder<Head> {
  readonly messages: Message<Head>[] = [];
  readonly interim: ResponseHead[] = [];
  tunnel: ResponseHead | undefined;
  error: ProxyError | undefined;
  /** What was offered and not read. */
  rest = "";

  head(head: Head): void {
    this.messages.push({ head, body: "", end: "open" });
  }

  data(chunk: Buffer): void {
    this.#last.body += chunk.toString("latin1");
  }

  end(trailers: FieldLines | undefined): void {
    this.#last.end = trailers ?? "whole";
  }

  get #last(): Message<Head> {
    const last = this.messages.at(-1);
    if (last === undefined || last.end !== "open") throw new Error("an event outside of a message");
    return last;
  }

  get only(): Message<Head> {
    if (this.error !== undefined) throw new Error(`refused: ${this.error.detail}`);
    if (this.messages.length !== 1) throw new Error(`${this.messages.length} messages`);
    return this.messages[0] as Message<Head>;
  }
}

export interface RequestSettings {
  readonly limits?: Partial<MessageLimits>;
  readonly options?: Partial<RequestOptions>;
  /** Bytes per read; all at once by default. */
  readonly step?: number;
}

function pieces(bytes: Buffer, step: number): Buffer[] {
  const cut: Buffer[] = [];
  // Copies, so that nothing can rely on what stands beside a piece.
  for (let at = 0; at < bytes.length; at += step) cut.push(Buffer.from(bytes.subarray(at, at + step)));
  return cut;
}

/** Reads all requests of a connection. */
export function readRequests(wire: string | Buffer, settings: RequestSettings = {}): Recorder<RequestHead> {
  const recorder = new Recorder<RequestHead>();
  const options: RequestOptions = {
    limits: { ...DEFAULT_LIMITS, ...settings.limits },
    scheme: "http",
    underscores: "allow",
    ...settings.options,
  };
  const reader = new RequestReader(options, {
    onRequestHead: (head) => recorder.head(head),
    onRequestData: (chunk) => recorder.data(chunk),
    onRequestEnd: (trailers) => recorder.end(trailers),
    onMalformed: (error) => {
      if (recorder.error !== undefined) throw new Error("refused twice");
      recorder.error = error;
    },
  });
  const bytes = Buffer.from(wire as string, "latin1");
  for (const piece of pieces(bytes, settings.step ?? bytes.length)) {
    let at = 0;
    while (at < piece.length) {
      const next = reader.read(piece, at);
      if (next <= at) throw new Error("no progress");
      at = next;
    }
  }
  return recorder;
}

export interface ResponseSettings {
  readonly limits?: Partial<MessageLimits>;
  readonly method?: string;
  readonly upgrade?: string;
  readonly step?: number;
  /** The upstream closes after its last byte. */
  readonly fin?: boolean;
}

export interface ReadResponse extends Recorder<ResponseHead> {
  readonly isReusable: boolean;
}

/** Reads the response to one request. */
export function readResponse(wire: string | Buffer, settings: ResponseSettings = {}): ReadResponse {
  const recorder = new Recorder<ResponseHead>();
  const reader = new ResponseReader(
    { ...DEFAULT_LIMITS, ...settings.limits },
    {
      onInformational: (head) => recorder.interim.push(head),
      onResponseHead: (head) => recorder.head(head),
      onResponseData: (chunk) => recorder.data(chunk),
      onResponseEnd: (trailers) => recorder.end(trailers),
      onTunnel: (head) => {
        recorder.tunnel = head;
      },
      onMalformed: (error) => {
        if (recorder.error !== undefined) throw new Error("refused twice");
        recorder.error = error;
      },
    },
  );
  reader.expect(settings.method ?? "GET", settings.upgrade ?? "");
  const bytes = Buffer.from(wire as string, "latin1");
  for (const piece of pieces(bytes, settings.step ?? bytes.length)) {
    if (reader.isIdle || recorder.rest !== "") {
      recorder.rest += piece.toString("latin1");
      continue;
    }
    recorder.rest = piece.subarray(reader.read(piece, 0)).toString("latin1");
  }
  if (settings.fin) reader.end();
  return Object.assign(recorder, { isReusable: reader.isReusable });
}
