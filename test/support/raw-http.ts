import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import net from "node:net";

/** A connection whose bytes a test writes and reads as they are (latin1 text). */
export class RawConnection {
  readonly socket: Socket;
  #text = "";
  #ended = false;
  #closed = false;
  #reset = false;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", () => {
      this.#reset = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open(port: number, host = "127.0.0.1"): Promise<RawConnection> {
    const socket = net.connect({ port, host, allowHalfOpen: true });
    await once(socket, "connect");
    return new RawConnection(socket);
  }

  /** Everything that came and was not taken. */
  get text(): string {
    return this.#text;
  }

  get ended(): boolean {
    return this.#ended || this.#closed;
  }

  get wasReset(): boolean {
    return this.#reset;
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits until what came satisfies `enough`, and takes it. Fails when the peer ends before. */
  async take(enough: (text: string) => number, what: string): Promise<string> {
    for (;;) {
      const length = enough(this.#text);
      if (length >= 0) {
        const taken = this.#text.slice(0, length);
        this.#text = this.#text.slice(length);
        return taken;
      }
      if (this.ended || this.#reset) {
        throw new Error(`the peer ended before ${what}; it sent ${JSON.stringify(this.#text)}`);
      }
      await this.#next();
    }
  }

  takeUntil(end: string): Promise<string> {
    return this.take((text) => {
      const at = text.indexOf(end);
      return at < 0 ? -1 : at + end.length;
    }, JSON.stringify(end));
  }

  /** One message framed by Content-Length or chunked, or by nothing at all. */
  async takeMessage(bodiless = false): Promise<string> {
    const head = await this.takeUntil("\r\n\r\n");
    if (bodiless) return head;
    if (/^transfer-encoding: chunked\r$/im.test(head)) return head + (await this.takeUntil("0\r\n\r\n"));
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    const body = await this.take((text) => (text.length >= length ? length : -1), `${length} body bytes`);
    return head + body;
  }

  async untilEnded(): Promise<string> {
    while (!this.ended) await this.#next();
    return this.#text;
  }

  async untilClosed(): Promise<void> {
    while (!this.#closed) await this.#next();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** A backend that does to its connections what the test says. */
export class ScriptedBackend {
  readonly port: number;
  /** Connections taken so far. */
  accepted = 0;
  readonly connections = new Set<RawConnection>();
  readonly #server: net.Server;

  private constructor(server: net.Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(
    script: (connection: RawConnection, number: number) => unknown,
  ): Promise<ScriptedBackend> {
    const server = net.createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const backend = new ScriptedBackend(server);
    server.on("connection", (socket) => {
      const connection = new RawConnection(socket);
      backend.connections.add(connection);
      socket.on("close", () => backend.connections.delete(connection));
      Promise.resolve(script(connection, backend.accepted++)).catch(() => socket.destroy());
    });
    return backend;
  }

  /** Answers every request with 200 and its own text, keeping connections open. */
  static answering(text: string): Promise<ScriptedBackend> {
    return ScriptedBackend.start(async (connection) => {
      for (;;) {
        await connection.takeMessage();
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      }
    });
  }

  /** A port on which nobody listens. */
  static async deadPort(): Promise<number> {
    const backend = await ScriptedBackend.start(() => {});
    await backend.close();
    return backend.port;
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}
