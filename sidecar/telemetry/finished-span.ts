import {
  type Attributes,
  type HrTime,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** What a span says that is over when it is made. Times are milliseconds since the Unix epoch. */
export interface SpanParts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: a root. */
  readonly parent: SpanContext | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  /** What went wrong; empty: the attributes say it all; undefined: nothing did. */
  readonly failure: string | undefined;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

const SAMPLED = 1;
const UNSET: SpanStatus = Object.freeze({ code: SpanStatusCode.UNSET });
const LONGEST_MESSAGE = 256;

/**
 * A span made after the fact, for the exporter to read. The SDK's own spans are recorded as things happen, which an exchange that nobody
 * will read would have to pay for too.
 */
export class FinishedSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
  readonly links = [];
  readonly events = [];
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(parts: SpanParts) {
    const { startedAt, failure } = parts;
    const endedAt = Math.max(startedAt, parts.endedAt);
    this.name = parts.name;
    this.kind = parts.kind;
    this.#context = spanContext(parts.traceId, parts.spanId, false);
    if (parts.parent !== undefined) this.parentSpanContext = parts.parent;
    this.startTime = hrTime(startedAt);
    this.endTime = hrTime(endedAt);
    this.duration = hrTime(endedAt - startedAt);
    this.status = failure === undefined ? UNSET : errorStatus(failure);
    this.attributes = parts.attributes;
    this.resource = parts.resource;
    this.instrumentationScope = parts.scope;
  }

  spanContext(): SpanContext {
    return this.#context;
  }
}

/** Sampled in any case: what is made is exported. */
export function spanContext(traceId: string, spanId: string, isRemote: boolean): SpanContext {
  return { traceId, spanId, traceFlags: SAMPLED, isRemote };
}

function errorStatus(message: string): SpanStatus {
  const code = SpanStatusCode.ERROR;
  return message === "" ? { code } : { code, message: message.slice(0, LONGEST_MESSAGE) };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1_000_000)];
}
