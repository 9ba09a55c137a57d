import type { Socket } from "node:net";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { matchesHeader } from "../routing/index.ts";
import type { ProbeResult } from "./health-state.ts";

/** Opens a socket to an endpoint, with TLS where its cluster speaks it. */
export type OpenSocket = (host: string, port: number, hostname: string) => Socket;

/** Asks an endpoint once. Never rejects; ends early when `signal` is aborted, as failed. */
export type Probe = (endpoint: Endpoint, signal: AbortSignal) => Promise<ProbeResult>;

type HttpCheck = Extract<HealthCheck["check"], { kind: "http" }>;
type TcpCheck = Extract<HealthCheck["check"], { kind: "tcp" }>;

/** Undefined: a kind of check that is not performed. */
export function createProbe(check: HealthCheck["check"], open: OpenSocket): Probe | undefined {
  if (check.kind === "http") return httpProbe(check, open);
  return check.kind === "tcp" ? tcpProbe(check, open) : undefined;
}

function portOf({ healthCheckPort, port }: Endpoint): number {
  return healthCheckPort ?? port;
}

/** Resolves when the socket may be written to; rejects when it fails before. */
function opened(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => resolve(socket));
    socket.on("error", reject);
  });
}

/** An answer that is needed for its status only is read no further than this. */
const MAX_ANSWER_BYTES = 64 * 1024;

function httpProbe(check: HttpCheck, open: OpenSocket): Probe {
  return async (endpoint, signal) => {
    // Loaded when first needed: it takes 14 MB, which most sidecars can do without.
    const { Agent } = await import("undici");
    const agent = new Agent({
      connect: (_options, callback) => {
        opened(open(endpoint.host, portOf(endpoint), endpoint.hostname)).then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        );
      },
      pipelining: 0,
      maxResponseSize: MAX_ANSWER_BYTES,
    });
    try {
      const headers: Record<string, string> = { host: check.host || endpoint.hostname || "health-check" };
      for (const [name, value] of check.headers) headers[name] = value;
      const answer = await agent.request({
        origin: "http://endpoint",
        path: check.path,
        method: check.method as "GET",
        headers,
        signal,
      });
      await answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => {});
      return judge(check, answer.statusCode, Object.entries(answer.headers));
    } catch {
      return "failed";
    } finally {
      void agent.destroy();
    }
  };
}

function judge(
  { expectedStatuses, retriableStatuses, responseHeaders }: HttpCheck,
  status: number,
  headers: readonly (readonly [string, string | string[] | undefined])[],
): ProbeResult {
  const within = (ranges: HttpCheck["expectedStatuses"]): boolean =>
    ranges.some(([from, to]) => status >= from && status < to);
  const expected = expectedStatuses.length === 0 ? status === 200 : within(expectedStatuses);
  if (expected) {
    const fields = headers.flatMap(([name, value]) => [name, String(value ?? "")]);
    const head = {
      status,
      reason: "",
      version: 1,
      fields,
      framing: "none",
      contentLength: -1,
      keepAlive: true,
      upgrade: "",
    } as const;
    return responseHeaders.every((match) => matchesHeader(match, head)) ? "passed" : "fatal";
  }
  return within(retriableStatuses) ? "failed" : "fatal";
}

/** Connecting is enough, unless there is something to say and something to hear: texts that must come in this order. */
function tcpProbe(check: TcpCheck, open: OpenSocket): Probe {
  return async (endpoint, signal) => {
    const socket = open(endpoint.host, portOf(endpoint), endpoint.hostname);
    const stop = (): void => {
      socket.destroy(new Error("the probe took too long"));
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      await opened(socket);
      if (check.send.length > 0) socket.write(check.send);
      if (check.receive.length > 0 && !(await hears(socket, check.receive))) return "failed";
      return "passed";
    } catch {
      return "failed";
    } finally {
      signal.removeEventListener("abort", stop);
      socket.destroy();
    }
  };
}

async function hears(socket: Socket, wanted: readonly Uint8Array[]): Promise<boolean> {
  let heard = Buffer.alloc(0);
  for await (const chunk of socket) {
    heard = Buffer.concat([heard, chunk as Buffer]).subarray(-MAX_ANSWER_BYTES);
    let at = 0;
    for (const part of wanted) {
      at = heard.indexOf(part, at);
      if (at < 0) break;
      at += part.length;
    }
    if (at >= 0) return true;
  }
  return false;
}
