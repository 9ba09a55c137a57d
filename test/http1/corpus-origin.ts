import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { RawConnection } from "../support/raw-http.ts";
import { LOOPBACK } from "./loopback.ts";

/** The upstream of one case: connections that the script reads and writes, in the order the proxy opened them. */
export class CorpusOrigin {
  readonly connections: RawConnection[] = [];
  /** The one that the script speaks about. */
  current: RawConnection | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #server = net.createServer({ allowHalfOpen: true });

  private constructor() {
    this.#server.on("connection", (socket) => this.#take(new RawConnection(socket)));
  }

  static async start(): Promise<CorpusOrigin> {
    const origin = new CorpusOrigin();
    origin.#server.listen(0, LOOPBACK);
    await once(origin.#server, "listening");
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Waits for a connection that holds bytes nobody has looked at, the current one if it does. */
  async withBytes(): Promise<RawConnection> {
    for (;;) {
      const { current } = this;
      if (current && current.text !== "") return current;
      const other = this.connections.find(({ text }) => text !== "");
      if (other) return other;
      await this.next();
    }
  }

  /** Waits until something comes, or a connection ends. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(connection: RawConnection): void {
    this.connections.push(connection);
    for (const event of ["data", "end", "close"]) connection.socket.on(event, () => this.#wake());
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
