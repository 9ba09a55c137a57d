import { OUTCOME_NAMES } from "../../sidecar/balancing/outcome.ts";
import type { ExchangeFacts, Recorder, TraceContext } from "../../sidecar/telemetry/facts.ts";

/** One exchange as the proxy reported it, copied at the time. */
export interface Recorded {
  readonly method: string;
  readonly target: string;
  readonly route: string;
  readonly cluster: string;
  readonly status: number;
  /** Code of the error; empty: none. */
  readonly error: string;
  readonly flags: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly attempts: readonly {
    readonly address: string;
    readonly status: number;
    readonly outcome: string;
    readonly error: string;
    readonly reused: boolean;
    readonly decision: string;
  }[];
}

/** A Recorder that keeps what it is told. Trace ids are counted up, so that tests can name them. */
export class RecordingRecorder implements Recorder {
  readonly exchanges: Recorded[] = [];
  #ids = 0;

  begin(traceparent: string | undefined, tracestate: string | undefined): TraceContext {
    const parts = traceparent?.split("-") ?? [];
    return {
      traceId: parts[1] ?? hex(++this.#ids, 32),
      parentSpanId: parts[2] ?? "",
      spanId: this.spanId(),
      sampled: parts[3] === "01",
      traceState: tracestate ?? "",
    };
  }

  spanId(): string {
    return hex(++this.#ids, 16);
  }

  end(facts: ExchangeFacts): void {
    this.exchanges.push({
      method: facts.method,
      target: facts.target,
      route: facts.route,
      cluster: facts.cluster,
      status: facts.status,
      error: facts.error?.kind.code ?? "",
      flags: facts.responseFlags,
      requestBytes: facts.requestBytes,
      responseBytes: facts.responseBytes,
      attempts: facts.attempts.map((attempt) => ({
        address: attempt.address,
        status: attempt.status,
        outcome: OUTCOME_NAMES[attempt.outcome] ?? "",
        error: attempt.error?.kind.code ?? "",
        reused: attempt.reusedConnection,
        decision: attempt.retryDecision,
      })),
    });
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
