import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "../../../xds/common/clock.ts";
import type { Random } from "../../../xds/common/random.ts";

export type Behaviour = "healthy" | "slow" | "failing" | "dead";

/** One generation of hardware: how many requests it works on at once, and how fast. */
export interface Hardware {
  readonly cores: number;
  /** 1: a request's mean work takes `MEAN_WORK_MS`. */
  readonly speed: number;
}

const MEAN_WORK_MS = 10;
/** How much slower a sick backend becomes. */
const SLOWDOWN = 5;
/** A queue longer than this would mean seconds of waiting; a real server answers 503 long before. */
const MAX_QUEUE = 2_000;

/**
 * A real HTTP server whose work is a queue in front of a few cores, driven by timers: it burns no CPU, yet answers slower
 * the more it is asked, so that a load balancer has something to learn.
 */
export class Backend {
  readonly name: string;
  readonly hardware: Hardware;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #queue: ServerResponse[] = [];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #behaviour: Behaviour = "healthy";
  #busy = 0;
  #port = 0;

  constructor(name: string, hardware: Hardware, clock: Clock, random: Random) {
    this.name = name;
    this.hardware = hardware;
    this.#clock = clock;
    this.#random = random;
  }

  get port(): number {
    return this.#port;
  }

  get behaviour(): Behaviour {
    return this.#behaviour;
  }

  async become(behaviour: Behaviour): Promise<void> {
    const wasDead = this.#behaviour === "dead";
    this.#behaviour = behaviour;
    if (behaviour === "dead") await this.stop();
    else if (wasDead) await this.start();
  }

  /** Listens; after a death, on the port that it had before. */
  start(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => this.#take(response));
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", () => {
        this.#port = (server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  /** Dies as a crashed process does: the port refuses and every connection breaks. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#queue.length = 0;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  #take(response: ServerResponse): void {
    if (this.#behaviour === "failing") {
      response.writeHead(500, { "content-type": "text/plain" }).end("out of order\n");
    } else if (this.#queue.length >= MAX_QUEUE) {
      response.writeHead(503, { "content-type": "text/plain" }).end("queue full\n");
    } else {
      this.#queue.push(response);
      this.#work();
    }
  }

  #work(): void {
    while (this.#busy < this.hardware.cores) {
      const response = this.#queue.shift();
      if (!response) return;
      this.#busy++;
      const speed = this.#behaviour === "slow" ? this.hardware.speed / SLOWDOWN : this.hardware.speed;
      const workMs = (-Math.log(1 - this.#random()) * MEAN_WORK_MS) / speed;
      this.#clock.after(workMs, () => {
        this.#busy--;
        if (!response.destroyed) {
          response.writeHead(200, { "content-type": "text/plain" }).end(`${this.name}\n`);
        }
        this.#work();
      });
    }
  }
}
