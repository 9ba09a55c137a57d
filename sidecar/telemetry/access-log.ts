import pino from "pino";
import type { ExchangeFacts } from "./facts.ts";
import { shownTarget } from "./redaction.ts";
import { verdictOf } from "./verdict.ts";

export interface AccessLogOptions {
  /** `stderr`, or the path of a file that lines are appended to. */
  readonly target: string;
  /** Bytes of lines that wait for a blocked target; a line more is dropped and counted. Default 16 MiB. */
  readonly maxBufferedBytes?: number;
  /** The target cannot be written any more. Called at most once until `reopen`. */
  readonly onFailure: (error: Error) => void;
}

/** One JSON line per request, written in the background. A target that blocks or fails costs lines, never requests. */
export class AccessLog {
  readonly #out: ReturnType<typeof pino.destination>;
  #dropped = 0;
  #written = 0;
  #failed = false;

  constructor(options: AccessLogOptions) {
    this.#out = pino.destination({
      dest: options.target === "stderr" ? 2 : options.target,
      sync: false,
      maxLength: options.maxBufferedBytes ?? 16 * 1024 * 1024,
    });
    this.#out.on("drop", () => {
      this.#dropped++;
    });
    this.#out.on("error", (error: Error) => {
      if (!this.#failed) options.onFailure(error);
      this.#failed = true;
    });
  }

  get dropped(): number {
    return this.#dropped;
  }

  get written(): number {
    return this.#written;
  }

  write(facts: ExchangeFacts, epochMs: number): void {
    if (this.#failed) {
      this.#dropped++;
      return;
    }
    this.#written++;
    this.#out.write(`${accessLine(facts, epochMs)}\n`);
  }

  /** Opens the file anew, after it was moved away by log rotation. */
  reopen(): void {
    this.#failed = false;
    this.#out.reopen();
  }

  /** Writes what waits, if the target takes it, and lets go of it. */
  close(): void {
    this.#out.end();
  }
}

/** Times in ms, sizes in bytes, names like those of Envoy's JSON access logs. */
export function accessLine(facts: ExchangeFacts, epochMs: number): string {
  const { path, query } = shownTarget(facts.target);
  const last = facts.attempts.at(-1);
  return JSON.stringify({
    start_time: new Date(epochMs + facts.startedAt).toISOString(),
    method: facts.method,
    authority: facts.authority,
    path: query === "" ? path : `${path}?${query}`,
    protocol: `HTTP/${facts.protocolVersion}`,
    response_code: facts.status,
    response_flags: facts.error?.kind.flag || "-",
    response_code_details: facts.error?.kind.code ?? "via_upstream",
    outcome: verdictOf(facts),
    duration: rounded(facts.endedAt - facts.startedAt),
    bytes_received: facts.requestBytes,
    bytes_sent: facts.responseBytes,
    upstream_cluster: facts.cluster,
    upstream_host: last?.address ?? "",
    attempts: facts.attempts.length,
    route_name: facts.route,
    request_id: facts.requestId,
    trace_id: facts.trace.traceId,
    user_agent: facts.userAgent,
    downstream_remote_address: facts.remoteAddress,
  });
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
