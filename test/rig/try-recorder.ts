import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import type { Recording } from "../../sidecar/simulate/recording.ts";
import type { ExchangeFacts, Recorder, TraceContext } from "../../sidecar/telemetry/facts.ts";

const UNSAMPLED: TraceContext = Object.freeze({
  traceId: "0".repeat(31).concat("1"),
  parentSpanId: "",
  spanId: "0".repeat(15).concat("1"),
  sampled: false,
  traceState: "",
});

/** Writes the attempts of real sidecars into a recording of the simulator's kind. */
export class TryRecorder implements Recorder {
  readonly #recording: Recording;
  readonly #endpoints: ReadonlyMap<string, number>;
  readonly #beginning: number;

  /** `endpoints`: index by address; `beginning`: of the run, on the monotonic clock. */
  constructor(recording: Recording, endpoints: ReadonlyMap<string, number>, beginning: number) {
    this.#recording = recording;
    this.#endpoints = endpoints;
    this.#beginning = beginning;
  }

  begin(): TraceContext {
    return UNSAMPLED;
  }

  spanId(): string {
    return UNSAMPLED.spanId;
  }

  end({ attempts }: ExchangeFacts): void {
    for (const { address, startedAt, outcome } of attempts) {
      const endpoint = this.#endpoints.get(address);
      if (endpoint === undefined) continue;
      this.#recording.onTry(startedAt - this.#beginning, endpoint);
      if (outcome !== OUTCOME.success) this.#recording.onFailedTry(startedAt - this.#beginning, endpoint);
    }
  }
}
