import { createWriteStream, type WriteStream } from "node:fs";
import type { ExchangeFacts } from "./facts.ts";
import type { ShownRequest } from "./redaction.ts";
import { verdictOf } from "./verdict.ts";

export interface AccessLogOptions {
  /** `stderr`, or the path of a file that lines are appended to. */
  readonly target: string;
  /** Bytes of lines that wait for a blocked target; a line more is dropped and counted. Default 16 MiB. */
  readonly maxBufferedBytes?: number;
  /** The target cannot be written any more: what comes is dropped until `reopen`. */
  readonly onFailure: (error: Error) => void;
}

/** One JSON line per request, written in the background. A target that blocks or fails costs lines, never requests. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #maxBuffered: number;
  #out: WriteStream;
  #dropped = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#maxBuffered = options.maxBufferedBytes ?? 16 * 1024 * 1024;
    this.#out = this.#open();
  }

  get dropped(): number {
    return this.#dropped;
  }

  write(facts: ExchangeFacts, shown: ShownRequest, epochMs: number): void {
    if (!this.#out.writable || this.#out.writableLength > this.#maxBuffered) this.#dropped++;
    else this.#out.write(`${accessLine(facts, shown, epochMs)}\n`);
  }

  /** Opens the file anew, after it was moved away by log rotation. */
  reopen(): void {
    this.close();
    this.#out = this.#open();
  }

  /** Writes what waits, if the target takes it, and lets go of it. */
  close(): void {
    this.#out.end();
  }

  /** Also stderr is written through the thread pool: Node's own stream would wait for a full pipe and hold up everything. */
  #open(): WriteStream {
    const { target, onFailure } = this.#options;
    const out =
      target === "stderr"
        ? createWriteStream("", { fd: 2, autoClose: false })
        : createWriteStream(target, { flags: "a" });
    return out.on("error", onFailure);
  }
}

/** Times in ms, sizes in bytes, names like those of Envoy's JSON access logs. */
export function accessLine(facts: ExchangeFacts, shown: ShownRequest, epochMs: number): string {
  const { path, query } = shown;
  const last = facts.attempts.at(-1);
  return JSON.stringify({
    start_time: new Date(epochMs + facts.startedAt).toISOString(),
    method: shown.method,
    authority: shown.authority,
    path: query === "" ? path : `${path}?${query}`,
    protocol: `HTTP/${facts.protocolVersion}`,
    response_code: facts.status,
    response_flags: facts.responseFlags || "-",
    response_code_details: facts.error?.kind.code ?? "via_upstream",
    outcome: verdictOf(facts),
    duration: rounded(facts.endedAt - facts.startedAt),
    bytes_received: facts.requestBytes,
    bytes_sent: facts.responseBytes,
    upstream_cluster: facts.cluster,
    upstream_host: last?.address ?? "",
    attempts: facts.attempts.length,
    route_name: facts.route,
    request_id: shown.requestId,
    trace_id: facts.trace.traceId,
    user_agent: shown.userAgent,
    downstream_remote_address: facts.remoteAddress,
  });
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
