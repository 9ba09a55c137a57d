import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import { isLoopbackAddress } from "../../xds/common/loopback.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import type { SocketAddress } from "../../xds/model/listener.ts";
import { refusalOf } from "./guard.ts";
import type { HandlerContext } from "./handler.ts";
import { HANDLERS, handlerOf } from "./handlers.ts";
import { RateLimit } from "./rate-limit.ts";
import {
  type AdminAnswer,
  type AdminReply,
  type AdminRequest,
  type AdminStream,
  errorReply,
} from "./reply.ts";
import { ShareHistory } from "./share-history.ts";
import type { AdminSources } from "./sources.ts";

export interface AdminOptions {
  /** Loopback, unless `allowRemote`. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly allowRemote: boolean;
  /** Every request must carry it as bearer token; empty: none, which remote access does not allow. */
  readonly token: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sources: AdminSources;
}

export interface AdminServer {
  /** Where it really listens. */
  readonly address: SocketAddress;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 128;
const MAX_FOLLOWERS = 16;
/** Answers are made on the data path's event loop: so many per second and not more, whoever asks. */
const ANSWERS_PER_SECOND = 100;
const BURST = 200;
const HEAVY_COST = 9;

const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** Binds the admin interface; rejects with a sentence when it may not be bound there, or with the system's error. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { host, port, allowRemote, token } = options;
  if (!isLoopbackAddress(host) && !(allowRemote && token !== "")) {
    throw new Error(
      `the admin interface may not listen on ${host}: use a loopback address, or set admin_allow_remote with an admin_token_file`,
    );
  }
  const desk = new AdminDesk(options);
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 10_000 }, (request, response) => {
    desk.receive(request, response).catch((error: unknown) => desk.failed(response, error));
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(port, host);
  await once(server, "listening");
  desk.open();
  return {
    address: boundAddress(server),
    async close() {
      desk.close();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function boundAddress(server: Server): SocketAddress {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("the admin interface is not bound to a port");
  return { host: address.address, port: address.port };
}

/** Takes requests in, checks who asks, and sends answers out. */
class AdminDesk {
  readonly #options: AdminOptions;
  readonly #context: HandlerContext;
  readonly #limit: RateLimit;
  readonly #followers = new Set<ServerResponse>();

  constructor(options: AdminOptions) {
    const { sources, clock } = options;
    this.#options = options;
    this.#context = { sources, clock, history: new ShareHistory(clock, () => sources.clusters()) };
    this.#limit = new RateLimit(clock, ANSWERS_PER_SECOND, BURST);
  }

  open(): void {
    this.#context.history.start();
  }

  close(): void {
    this.#context.history.stop();
    for (const follower of this.#followers) follower.destroy();
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => response.destroy());
    const answer = await this.#answer(request);
    if ("stream" in answer) this.#stream(answer.stream, response);
    else await send(response, answer, request.method === "HEAD");
  }

  failed(response: ServerResponse, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.error({ reason }, "an admin request failed");
    if (response.headersSent) response.destroy();
    else void send(response, errorReply(500, "the answer could not be made; the log says why"), false);
  }

  async #answer(request: IncomingMessage): Promise<AdminAnswer> {
    const { headers } = request;
    const refusal = refusalOf(
      {
        method: request.method ?? "",
        host: headers.host,
        origin: headers.origin,
        authorization: headers.authorization,
        contentType: headers["content-type"],
        adminHeader: headers["x-dashpot-admin"] === undefined ? undefined : "present",
      },
      this.#options.token,
    );
    if (refusal) return { ...errorReply(refusal.status, refusal.reason), headers: { connection: "close" } };
    if (!this.#limit.take()) return tooMany();
    const read = await readRequest(request);
    return "status" in read ? read : this.#handle(read);
  }

  #handle(request: AdminRequest): AdminAnswer {
    const handler = handlerOf(request.path);
    if (!handler) return unknownPath(request.path);
    if (handler.method !== "both" && handler.method !== request.method) {
      return {
        ...errorReply(405, `${request.path} needs a ${handler.method}`),
        headers: { allow: handler.method },
      };
    }
    if (handler.heavy && !this.#limit.take(HEAVY_COST)) return tooMany();
    return handler.answer(request, this.#context);
  }

  #stream(stream: AdminStream, response: ServerResponse): void {
    if (this.#followers.size >= MAX_FOLLOWERS) {
      void send(response, errorReply(503, `${MAX_FOLLOWERS} follow already`), false);
      return;
    }
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    this.#followers.add(response);
    const stop = stream(response);
    response.on("close", () => {
      this.#followers.delete(response);
      stop();
    });
  }
}

function tooMany(): AdminReply {
  const reason = `more than ${ANSWERS_PER_SECOND} requests per second, of which a dump counts for ${HEAVY_COST + 1}`;
  return { ...errorReply(429, reason), headers: { "retry-after": "1" } };
}

function unknownPath(path: string): AdminReply {
  const paths = [...HANDLERS.keys()];
  const list = [...HANDLERS].map(([known, { method, does }]) => ({ path: known, method, does }));
  const reason = `there is nothing at ${path.slice(0, 100)}${didYouMean(path, paths)}`;
  return { ...errorReply(404, reason), body: `${JSON.stringify({ error: reason, paths: list }, null, 2)}\n` };
}

async function readRequest(request: IncomingMessage): Promise<AdminRequest | AdminReply> {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const body = request.method === "POST" ? await readBody(request) : "";
  if (body === undefined) {
    return {
      ...errorReply(413, `a body may have ${MAX_BODY_BYTES} bytes`),
      headers: { connection: "close" },
    };
  }
  const parsed = body === "" ? { value: undefined } : parseJson(body);
  if ("error" in parsed) return errorReply(400, parsed.error);
  return {
    method: request.method === "POST" ? "POST" : "GET",
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)),
    wantsHtml: (request.headers.accept ?? "").includes("text/html"),
    body: parsed.value,
  };
}

/** Undefined: too long. The rest is then left unread, so that the answer still finds its way before the connection ends. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      resolve(undefined);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

function parseJson(text: string): { readonly value: unknown } | { readonly error: string } {
  try {
    const value: unknown = JSON.parse(text, (key, inner: unknown) => {
      if (key === "__proto__") throw new SyntaxError('the key "__proto__" is not allowed');
      return inner;
    });
    return { value };
  } catch (error) {
    return { error: `the body is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : ""}` };
  }
}

async function send(response: ServerResponse, reply: AdminReply, headOnly: boolean): Promise<void> {
  const { status, type, body } = reply;
  response.writeHead(status, { ...SECURITY_HEADERS, "content-type": type, ...reply.headers });
  if (headOnly || typeof body === "string") {
    response.end(headOnly ? "" : body);
    return;
  }
  const closed = new Promise((resolve) => response.once("close", resolve));
  for (const piece of body) {
    if (response.destroyed) return;
    const flowing = response.write(piece);
    // Lets requests through between the pieces; and waits where the reader is slow, but not for one that left.
    if (flowing) await new Promise(setImmediate);
    else await Promise.race([new Promise((resolve) => response.once("drain", resolve)), closed]);
  }
  response.end();
}
