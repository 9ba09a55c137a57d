import type { ProxyError } from "../../xds/common/errors.ts";
import type { Evidence } from "../balancing/evidence.ts";
import type { Outcome } from "../balancing/outcome.ts";

/** W3C trace context of one exchange: kept as the strings that go on the wire. */
export interface TraceContext {
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** The caller's span, 16 hex digits; empty: this exchange is the root. */
  readonly parentSpanId: string;
  /** The SERVER span's own id. */
  readonly spanId: string;
  readonly sampled: boolean;
  /** Passed on byte for byte. */
  readonly traceState: string;
}

/** What the phases know of one attempt. The attempt object itself satisfies this: nothing is copied until somebody reads it. */
export interface AttemptFacts {
  /** 0 for the first try. */
  readonly number: number;
  readonly spanId: string;
  readonly address: string;
  readonly peerAddress: string;
  readonly reusedConnection: boolean;
  /** Monotonic ms; NaN where the attempt did not come so far. */
  readonly startedAt: number;
  readonly connectedAt: number;
  readonly firstByteAt: number;
  readonly endedAt: number;
  /** 0: no response. */
  readonly status: number;
  readonly outcome: Outcome;
  readonly error: ProxyError | undefined;
  readonly evidence: Evidence;
  /** Addresses of `evidence.slots`, resolved when the pick was made or when first asked for. */
  candidateAddresses(): readonly string[];
  /** Why another attempt followed, or why none did; empty: there was no question of one. */
  readonly retryDecision: string;
}

/** What the phases know of one exchange when it is over. */
export interface ExchangeFacts {
  readonly trace: TraceContext;
  readonly requestId: string;
  readonly listener: string;
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  readonly scheme: string;
  readonly protocolVersion: string;
  readonly remoteAddress: string;
  readonly route: string;
  readonly routeVersion: string;
  readonly cluster: string;
  readonly clusterVersion: string;
  readonly endpointsVersion: string;
  readonly policy: string;
  /** Monotonic ms. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** The status that went downstream; 0: none. */
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly error: ProxyError | undefined;
  /** Envoy's short codes, by commas; empty: nothing failed on the way. */
  readonly responseFlags: string;
  readonly userAgent: string;
  readonly attempts: readonly AttemptFacts[];
}

/** The `record` phase's end of telemetry. Both calls are on the hot path: cheap unless the exchange is to be read. */
export interface Recorder {
  /** Continues the caller's trace or starts one. `traceparent` and `tracestate` as received; undefined: absent. */
  begin(
    traceparent: string | undefined,
    tracestate: string | undefined,
    sampling: number | undefined,
  ): TraceContext;
  /** A fresh span id for an attempt. */
  spanId(): string;
  end(facts: ExchangeFacts): void;
}
