import { once } from "node:events";
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls, { type SecureContextOptions } from "node:tls";
import { resetSocket } from "../../sidecar/upstream/reset-socket.ts";
import { Arrival, marked, pour, Source, turns } from "./marked-bytes.ts";

/** What is to happen to one exchange; it travels in the request's target, so that the backend knows it too. */
export interface Plan {
  readonly id: number;
  /** Bytes of the request's body, and of the response's. */
  readonly up: number;
  readonly down: number;
  readonly upPiece: number;
  readonly downPiece: number;
  /** Turns of the event loop between two pieces. */
  readonly sendPause: number;
  readonly readPause: number;
  readonly backendSendPause: number;
  readonly backendReadPause: number;
  /** Framing of the request: 1: chunked. Of the response: 0: length, 1: chunked, 2: by the end of the connection. */
  readonly upFraming: number;
  readonly downFraming: number;
  /** 1: the response begins before the request is read. */
  readonly early: number;
  /** The first attempt is reset when so much of the body has come; -1: it is not. */
  readonly resetAt: number;
  /** The backend breaks off when it has sent so much; -1: it does not. */
  readonly cutAt: number;
  /** The caller leaves when it has read so much of the response; -1: it stays. */
  readonly leaveAt: number;
}

/** An answer that is whole before its request ends the connection, and so does who breaks off. */
function mayBeCut({ early, resetAt, cutAt, leaveAt }: Plan): boolean {
  return early === 1 || resetAt >= 0 || cutAt >= 0 || leaveAt >= 0;
}

/** The bytes downwards have marks of their own. */
export const DOWN = 0x8000_0000;

export function targetOf(plan: Plan): string {
  return `/?${new URLSearchParams(Object.entries(plan).map(([name, value]) => [name, String(value)]))}`;
}

export function planOf(target: string): Plan {
  const query = new URL(target, "http://x").searchParams;
  return Object.fromEntries([...query].map(([name, value]) => [name, Number(value)])) as unknown as Plan;
}

/** Both ends of a tunnel do this: send theirs, then FIN, and read to the other's FIN. */
export async function talk(
  stream: Duplex,
  source: Source,
  sent: Buffer,
  arrival: Arrival,
  pace: { piece: number; sendPause: number; readPause: number },
): Promise<void> {
  const send = async (): Promise<void> => {
    await pour(stream, sent, { piece: pace.piece, turns: pace.sendPause });
    // Node's TLS throws away what it has received and not decrypted yet when it is ended within the read.
    await turns(1);
    if (stream.writable) await new Promise<void>((resolve) => stream.end(() => resolve()));
  };
  const read = async (): Promise<void> => {
    while (await source.takeInto(arrival, 65_536, pace.readPause));
  };
  await Promise.all([send(), read()]);
}

/** Answers by the plan of each request, and looks at every byte that it is sent. */
export class MarkedBackend {
  /** Uploads, or tunnels' halves, that arrived whole. */
  whole = 0;
  /** Those that were visibly cut short. */
  cut = 0;
  resets = 0;
  /** Exchanges and tunnels under way. */
  active = 0;
  readonly wrong: string[] = [];
  readonly #reset = new Set<number>();
  readonly #servers: (HttpServer | net.Server)[] = [];

  async http(secrets?: SecureContextOptions): Promise<number> {
    const server = secrets ? https.createServer(secrets) : http.createServer();
    server.keepAliveTimeout = 0;
    server.on("request", (request, response) => void this.#serve(request, response));
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.unshift(head);
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: marked\r\n\r\n");
      void this.#tunnel(planOf(request.url ?? ""), socket, new Source(socket));
    });
    return this.#listen(server);
  }

  /** For CONNECT and `tcp_proxy`: a line with the plan's target comes first. */
  raw(secrets?: SecureContextOptions): Promise<number> {
    const onConnection = async (socket: net.Socket): Promise<void> => {
      const source = new Source(socket);
      const target = await source.takeUntil("\n");
      if (target === undefined) socket.destroy();
      else await this.#tunnel(planOf(target), socket, source);
    };
    const options = { allowHalfOpen: true, noDelay: true };
    return this.#listen(
      secrets
        ? tls.createServer({ ...secrets, ...options }, onConnection)
        : net.createServer(options, onConnection),
    );
  }

  close(): void {
    for (const server of this.#servers) {
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
    }
  }

  async #listen(server: HttpServer | net.Server): Promise<number> {
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  #judge(what: string, plan: Plan, arrival: Arrival): void {
    if (arrival.wrongAt >= 0)
      this.wrong.push(`${what} ${plan.id}: something else from byte ${arrival.wrongAt} on`);
    else if (arrival.isWhole) this.whole++;
    else {
      this.cut++;
      if (!mayBeCut(plan)) this.wrong.push(`${what} ${plan.id}: ${arrival.bytes} of ${plan.up} bytes came`);
    }
  }

  async #tunnel(plan: Plan, socket: Duplex, source: Source): Promise<void> {
    this.active++;
    const arrival = new Arrival(plan.id, plan.up);
    const pace = {
      piece: plan.downPiece,
      sendPause: plan.backendSendPause,
      readPause: plan.backendReadPause,
    };
    await talk(socket, source, marked(plan.id + DOWN, plan.down), arrival, pace);
    this.#judge("tunnel", plan, arrival);
    this.active--;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => {});
    response.on("error", () => {});
    const plan = planOf(request.url ?? "");
    this.active++;
    // Node does not tell a request that is answered already.
    if (plan.early) request.socket.once("close", () => request.destroy());
    const upload = this.#read(plan, request);
    if (plan.early || (await upload)) await this.#answer(plan, response);
    await upload;
    this.active--;
  }

  async #read(plan: Plan, request: IncomingMessage): Promise<boolean> {
    const arrival = new Arrival(plan.id, plan.up);
    const source = new Source(request as unknown as Duplex);
    const resets = plan.resetAt >= 0 && !this.#reset.has(plan.id);
    const most = resets ? plan.resetAt : plan.up + 1;
    await source.takeInto(arrival, most, plan.backendReadPause);
    if (resets) {
      this.#reset.add(plan.id);
      this.resets++;
      resetSocket(request.socket);
    }
    if (request.complete && !arrival.isWhole && !resets)
      this.wrong.push(`upload ${plan.id}: ${arrival.bytes} of ${plan.up} bytes were taken for whole`);
    this.#judge("upload", plan, arrival);
    return request.complete && !resets;
  }

  async #answer(plan: Plan, response: ServerResponse): Promise<void> {
    const body = marked(plan.id + DOWN, plan.down);
    response.setHeader("X-Id", plan.id);
    if (plan.downFraming === 0) response.setHeader("Content-Length", plan.down);
    if (plan.downFraming === 2) {
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
    }
    response.flushHeaders();
    const bytes = plan.cutAt < 0 ? body : body.subarray(0, plan.cutAt);
    await pour(response as unknown as Duplex, bytes, { piece: plan.downPiece, turns: plan.backendSendPause });
    if (plan.cutAt < 0) response.end();
    else {
      await turns(2);
      if (response.socket) resetSocket(response.socket);
    }
  }
}
