import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerShape } from "../../sidecar/simulate/server.ts";
import type { Random } from "../../xds/common/random.ts";

/** The work that a request brings along, ms on one core at speed 1: the same as in the simulated run. */
export const COST_HEADER = "x-cost-ms";

/**
 * A real HTTP server whose work is the simulator's queue on the real clock. It burns no CPU. A timer that fires late delays
 * an answer, never the queue: departures are computed for the moment they were due.
 */
export class VirtualBackend {
  readonly queue: Server;
  readonly #random: Random;
  readonly #responses = new Map<number, ServerResponse>();
  readonly #http = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    this.#take(request, response),
  );
  #jobs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(shape: ServerShape, random: Random) {
    this.queue = new Server(shape);
    this.#random = random;
  }

  /** Resolves with the port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(0, "127.0.0.1", () => resolve((this.#http.address() as AddressInfo).port));
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#http.close();
    this.#http.closeAllConnections();
  }

  /** Changes what faults make of the queue, from now on. */
  change(apply: (queue: Server) => void): void {
    this.#settle();
    apply(this.queue);
    this.#schedule();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.#settle();
    const { failingPart, failAfterMs } = this.queue;
    if (failingPart > 0 && this.#random() < failingPart) {
      setTimeout(() => response.writeHead(500).end("out of order\n"), failAfterMs);
      return;
    }
    const job = this.#jobs++;
    this.#responses.set(job, response);
    this.queue.arrive(performance.now(), job, Number(request.headers[COST_HEADER]));
    this.#schedule();
  }

  /** Answers what is done by now, each at its own moment on the queue's time. */
  #settle(): void {
    const now = performance.now();
    for (let at = this.queue.nextDeparture(); at <= now; at = this.queue.nextDeparture()) {
      for (let job = this.queue.depart(at); job >= 0; job = this.queue.depart(at)) {
        this.#responses.get(job)?.writeHead(200).end("done\n");
        this.#responses.delete(job);
      }
    }
    this.queue.advance(now);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const at = this.queue.nextDeparture();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => {
        this.#settle();
        this.#schedule();
      },
      Math.max(0, at - performance.now()),
    );
  }
}
