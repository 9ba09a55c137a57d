import type { Socket } from "node:net";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import { grpcQuestion } from "./grpc-question.ts";
import type { Question } from "./health-question.ts";
import type { ProbeResult } from "./health-state.ts";
import { httpQuestion } from "./http-question.ts";
import { isLocalError } from "./local-error.ts";
import { tcpQuestion } from "./tcp-question.ts";

/** Opens a socket to an endpoint that streams can read, with TLS where its cluster speaks it; `protocols` are offered by ALPN then. */
export type OpenSocket = (endpoint: Endpoint, port: number, protocols?: readonly string[]) => Socket;

/** Asks an endpoint once. Never rejects; ends early when `signal` is aborted, as failed. */
export type Probe = (endpoint: Endpoint, signal: AbortSignal) => Promise<ProbeResult>;

/** `cluster` is the name that endpoints are asked by where neither the check nor they themselves have one. */
export function createProbe(check: HealthCheck["check"], cluster: string, open: OpenSocket): Probe {
  const ask = questionOf(check, cluster);
  const protocols = check.kind === "grpc" ? ["h2"] : undefined;
  return async (endpoint, signal) => {
    let socket: Socket | undefined;
    const stop = (): void => {
      socket?.destroy(new Error("the probe took too long"));
    };
    signal.addEventListener("abort", stop, { once: true });
    try {
      socket = open(endpoint, endpoint.healthCheckPort ?? endpoint.port, protocols);
      await opened(socket);
      return await ask(socket, endpoint);
    } catch (error) {
      return isLocalError(error as NodeJS.ErrnoException) ? "inconclusive" : "failed";
    } finally {
      signal.removeEventListener("abort", stop);
      socket?.destroy();
    }
  };
}

function questionOf(check: HealthCheck["check"], cluster: string): Question {
  switch (check.kind) {
    case "http":
      return httpQuestion(check, cluster);
    case "tcp":
      return tcpQuestion(check);
    case "grpc":
      return grpcQuestion(check, cluster);
  }
}

/** Resolves when the socket may be written to; rejects when it fails before. Later errors are for who reads. */
function opened(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("encrypted" in socket ? "secureConnect" : "connect", () => resolve());
    socket.on("error", reject);
  });
}
