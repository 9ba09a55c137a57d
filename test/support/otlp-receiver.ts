import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";

/** The part of opentelemetry-proto that traces need, written down here so that the decoder owes nothing to the encoder under test. */
const PROTO = `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4;
  string name = 5; int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9; Status status = 15;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value {
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5;
  }
}
message ArrayValue { repeated AnyValue values = 1; }
`;

const REQUEST = protobuf.parse(PROTO, { keepCase: true }).root.lookupType("ExportTraceServiceRequest");

export interface ReceivedSpan {
  readonly name: string;
  /** 2: SERVER, 3: CLIENT. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly startNano: bigint;
  readonly endNano: bigint;
  /** 0: unset, 2: error. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** How the receiver behaves: takes spans, refuses them, or never answers. */
export type ReceiverMood = "taking" | "refusing" | "hanging";

/** An OTLP collector of the test's own, over HTTP with protobuf. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly requestsSeen: { readonly path: string; readonly authorization: string }[] = [];
  readonly #server: Server;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  private constructor(mood: ReceiverMood) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { authorization = "" } = request.headers;
        this.requestsSeen.push({ path: request.url ?? "", authorization });
        if (mood === "hanging") return;
        if (mood === "taking") {
          const body = Buffer.concat(chunks);
          this.#take(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
        }
        response.writeHead(mood === "taking" ? 200 : 400, { "content-type": "application/x-protobuf" });
        response.end();
      });
    });
  }

  static async start(mood: ReceiverMood = "taking"): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(mood);
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves when so many spans have come in all. */
  received(count: number): Promise<void> {
    if (this.spans.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #take(body: Buffer): void {
    const decoded = REQUEST.toObject(REQUEST.decode(body), { longs: String, bytes: Array, defaults: true });
    for (const { resource, scope_spans } of (decoded as WireRequest).resource_spans) {
      for (const { spans } of scope_spans) {
        for (const span of spans) this.spans.push(readSpan(span, attributesOf(resource.attributes)));
      }
    }
    for (const { count, resolve } of this.#waiting) if (this.spans.length >= count) resolve();
  }
}

interface WireValue {
  readonly string_value?: string;
  readonly bool_value?: boolean;
  readonly int_value?: string;
  readonly double_value?: number;
  readonly array_value?: { readonly values: readonly WireValue[] };
}
interface WireAttribute {
  readonly key: string;
  readonly value: WireValue;
}
interface WireSpan {
  readonly trace_id: number[];
  readonly span_id: number[];
  readonly parent_span_id: number[];
  readonly name: string;
  readonly kind: number;
  readonly start_time_unix_nano: string;
  readonly end_time_unix_nano: string;
  readonly status: { readonly code: number } | null;
  readonly attributes: WireAttribute[];
}
interface WireRequest {
  readonly resource_spans: readonly WireResourceSpans[];
}
interface WireResourceSpans {
  readonly resource: { readonly attributes: WireAttribute[] };
  readonly scope_spans: { readonly spans: WireSpan[] }[];
}

function readSpan(span: WireSpan, resource: Record<string, unknown>): ReceivedSpan {
  return {
    name: span.name,
    kind: span.kind,
    traceId: hex(span.trace_id),
    spanId: hex(span.span_id),
    parentSpanId: hex(span.parent_span_id),
    startNano: BigInt(span.start_time_unix_nano),
    endNano: BigInt(span.end_time_unix_nano),
    status: span.status?.code ?? 0,
    attributes: attributesOf(span.attributes),
    resource,
  };
}

function attributesOf(attributes: readonly WireAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue(value: WireValue): unknown {
  if (value.array_value) return value.array_value.values.map(plainValue);
  if (value.int_value !== undefined) return Number(value.int_value);
  return value.string_value ?? value.bool_value ?? value.double_value;
}

function hex(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString("hex");
}
