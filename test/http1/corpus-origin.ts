import { type RawConnection, ScriptedBackend } from "../support/raw-http.ts";

/** The upstream of one case: connections that the script reads and writes, in the order the proxy opened them. */
export class CorpusOrigin {
  readonly connections: RawConnection[] = [];
  /** The one that the script speaks about. */
  current: RawConnection | undefined;
  readonly #waiting = new Set<() => void>();
  #backend: ScriptedBackend | undefined;

  static async start(): Promise<CorpusOrigin> {
    const origin = new CorpusOrigin();
    origin.#backend = await ScriptedBackend.start((connection) => origin.#take(connection));
    return origin;
  }

  get port(): number {
    return this.#backend?.port ?? 0;
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
    await this.#backend?.close();
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
