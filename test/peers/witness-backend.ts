import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { readHead, readMessage, type WireMessage } from "../http1/wire-message.ts";

/** Which request a message belongs to: by this field the backends know them again. */
export const ASK = "x-ask";
/** What the backends answer, attempt by attempt, the last one for all further: a status, `reset`, `close` or `hang`. */
const ANSWER = "x-answer";
/** Fields of the answer: `name=value`, with `;` between them. */
const ANSWER_FIELDS = "x-answer-fields";

export interface Seen {
  readonly backend: string;
  readonly message: WireMessage;
}

/** What reached the backends, by request. */
export type Sightings = Map<string, Seen[]>;

/** A backend that answers as each request asks, and remembers what it saw. */
export class WitnessBackend {
  readonly #name: string;
  readonly #sightings: Sightings;
  readonly #sockets = new Set<Socket>();
  readonly #server = net.createServer((socket) => this.#serve(socket));

  private constructor(name: string, sightings: Sightings) {
    this.#name = name;
    this.#sightings = sightings;
  }

  static async start(name: string, sightings: Sightings, port = 0): Promise<WitnessBackend> {
    const backend = new WitnessBackend(name, sightings);
    backend.#server.listen(port, "127.0.0.1");
    await once(backend.#server, "listening");
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let text = "";
    socket.setNoDelay(true).setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk: string) => {
      text += chunk;
      for (let read = requestOf(text); read; read = requestOf(text)) {
        text = text.slice(read.length);
        this.#answer(socket, read.message);
      }
    });
  }

  #answer(socket: Socket, message: WireMessage): void {
    const ask = fieldOf(message, ASK);
    const seen = this.#sightings.get(ask) ?? [];
    this.#sightings.set(ask, [...seen, { backend: this.#name, message }]);
    const answers = fieldOf(message, ANSWER).split(",");
    const answer = (answers[Math.min(seen.length, answers.length - 1)] ?? "").trim() || "200";
    if (answer === "hang") return;
    if (answer === "reset") {
      socket.resetAndDestroy();
      return;
    }
    if (answer === "close") {
      socket.end();
      return;
    }
    const fields = fieldOf(message, ANSWER_FIELDS)
      .split(";")
      .filter((field) => field !== "")
      .map((field) => `${field.trim().replace("=", ": ")}\r\n`)
      .join("");
    if (answer === "101") {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}\r\n`,
      );
      return;
    }
    const body = message.startLine.startsWith("HEAD ") ? "" : this.#name;
    socket.write(`HTTP/1.1 ${answer} Yes\r\nContent-Length: ${this.#name.length}\r\n${fields}\r\n${body}`);
  }
}

function requestOf(text: string): ReturnType<typeof readMessage> {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const { framing, fields } = readHead(text.slice(0, end + 4));
  // A length of 0 may be told or not: it is the same request.
  return framing === "none" || fields.length > 0 ? readMessage(text, false) : undefined;
}

/** The value of a field; empty: there is none. */
export function fieldOf({ fields }: WireMessage, lowerName: string): string {
  return fields.find(([name]) => name.toLowerCase() === lowerName)?.[1] ?? "";
}
