import net from "node:net";

const HEAD_END = "\r\n\r\n";
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** One keep-alive connection of a caller that reads answers of a known length and keeps nothing of them. */
export class RequestLoop {
  readonly #socket: net.Socket;
  readonly #request: Buffer;
  readonly #onAnswer: (loop: RequestLoop, ok: boolean) => void;
  /** When the request under way should have begun, in monotonic ms: for who measures. */
  due = 0;
  #held = "";
  #left = -1;
  #ok = true;
  #closed = false;

  /** `onAnswer` hears of every answer, and with false of its own connection's end by the other side. */
  constructor(port: number, request: Buffer, onAnswer: (loop: RequestLoop, ok: boolean) => void) {
    this.#request = request;
    this.#onAnswer = onAnswer;
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      if (!this.#closed) onAnswer(this, false);
    });
  }

  send(): void {
    this.#socket.write(this.#request);
  }

  /** False: the other side ended the connection. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let body = chunk.length;
    if (this.#left < 0) {
      this.#held += chunk.toString("latin1");
      const end = this.#held.indexOf(HEAD_END);
      if (end < 0) return;
      const head = this.#held.slice(0, end);
      this.#ok = head.startsWith("HTTP/1.1 200 ");
      this.#left = Number(LENGTH.exec(head)?.[1]);
      body = this.#held.length - end - HEAD_END.length;
      this.#held = "";
      if (Number.isNaN(this.#left)) throw new Error(`an answer without a length:\n${head}`);
    }
    this.#left -= body;
    if (this.#left > 0) return;
    this.#left = -1;
    this.#onAnswer(this, this.#ok);
  }
}
