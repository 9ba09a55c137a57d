import { readFileSync } from "node:fs";
import { type ExportResult, ExportResultCode, type InstrumentationScope } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace";
import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { SpanContent, SpanSink } from "./exchange-recorder.ts";
import { exchangeSpans } from "./exchange-spans.ts";
import type { ExchangeFacts } from "./facts.ts";
import type { BatchOptions, OtlpTarget } from "./otel-environment.ts";

export interface ExportOptions {
  readonly target: OtlpTarget;
  readonly batch: BatchOptions;
  /** What is said of this process on every span. */
  readonly resource: Readonly<Record<string, string | number>>;
  /** Dashpot's own version. */
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** After this, `shutdown` gives up on what is left. Default 2 000 ms: a pod's grace period must not be spent on telemetry. */
  readonly shutdownMs?: number;
}

export interface ExportCounts {
  readonly exported: number;
  /** Did not fit into the queue, because the collector takes spans too slowly or not at all. */
  readonly dropped: number;
  /** Were sent and refused, or could not be sent. */
  readonly failed: number;
  readonly queued: number;
}

/** A failing collector is told of this often. */
const LOG_EVERY_MS = 60_000;

/**
 * Sends spans in batches over OTLP (HTTP, protobuf) in the background. What waits is bounded, what is lost is counted, and nothing here
 * ever makes the data path wait.
 */
export class OtlpSpanExporter implements SpanSink {
  readonly #options: ExportOptions;
  readonly #resource: Resource;
  readonly #scope: InstrumentationScope;
  readonly #exporter: SpanExporter;
  readonly #processor: BatchSpanProcessor;
  #queued = 0;
  #exported = 0;
  #dropped = 0;
  #failed = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(options: ExportOptions) {
    this.#options = options;
    const { batch, version } = options;
    this.#resource = resourceFromAttributes(options.resource);
    this.#scope = { name: "dashpot", version };
    this.#exporter = otlpExporter(options.target);
    this.#processor = new BatchSpanProcessor({
      // The processor hands over batch by batch; standing in between is what tells how many spans still wait in it.
      exporter: {
        export: (spans, done) => this.#export(spans, done),
        shutdown: () => this.#exporter.shutdown(),
      },
      scheduledDelayMillis: batch.delayMs,
      maxQueueSize: batch.maxQueueSize,
      maxExportBatchSize: batch.maxBatchSize,
      exportTimeoutMillis: batch.exportTimeoutMs,
    });
  }

  get counts(): ExportCounts {
    return { exported: this.#exported, dropped: this.#dropped, failed: this.#failed, queued: this.#queued };
  }

  offer(facts: ExchangeFacts, content: SpanContent): void {
    const count = 1 + facts.attempts.length;
    if (this.#closing || this.#queued + count > this.#options.batch.maxQueueSize) {
      this.#dropped += count;
      this.#complain("the queue of spans is full: the collector takes them too slowly", count);
      return;
    }
    this.#queued += count;
    const options = { ...content, resource: this.#resource, scope: this.#scope };
    for (const span of exchangeSpans(facts, options)) this.#processor.onEnd(span);
  }

  /** Sends what is left, within the bound. Further calls get the same promise. */
  shutdown(): Promise<void> {
    this.#closing ??= this.#shutdown();
    return this.#closing;
  }

  async #shutdown(): Promise<void> {
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    // Not through the clock: its timers let the process end, and this wait is the end of the process.
    const timer = setTimeout(resolve, this.#options.shutdownMs ?? 2_000);
    // A refused last batch was counted when it came back.
    await Promise.race([this.#processor.shutdown().catch(() => undefined), deadline]);
    clearTimeout(timer);
  }

  #export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#queued -= spans.length;
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) {
        this.#exported += spans.length;
        done(result);
        return;
      }
      this.#failed += spans.length;
      this.#complain(result.error?.message || "the collector did not take them", spans.length);
      // Told, counted and done with: the processor's own error handling would only say it again.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  #complain(reason: string, spans: number): void {
    const now = this.#options.clock.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    const { dropped, failed } = this.counts;
    this.#options.logger.warn(
      { spans, dropped, failed, reason: reason.slice(0, 256) },
      "spans are lost on their way to the collector",
    );
  }
}

type OtlpConfiguration = NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>;
type Compression = NonNullable<OtlpConfiguration["compression"]>;

function otlpExporter(target: OtlpTarget): SpanExporter {
  return new OTLPTraceExporter({
    url: target.url,
    headers: { ...target.headers },
    timeoutMillis: target.timeoutMs,
    compression: (target.gzip ? "gzip" : "none") as Compression,
    // One batch at a time comes out of the processor; the rest is for the last flush.
    concurrencyLimit: 32,
    httpAgentOptions: {
      keepAlive: true,
      maxSockets: 2,
      ...pemOption("ca", target.caFile),
      ...pemOption("cert", target.certificateFile),
      ...pemOption("key", target.keyFile),
    },
  });
}

function pemOption(name: "ca" | "cert" | "key", file: string): Record<string, Buffer> {
  return file === "" ? {} : { [name]: readFileSync(file) };
}
