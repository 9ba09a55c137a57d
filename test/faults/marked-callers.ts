import { once } from "node:events";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import { resetSocket } from "../../sidecar/upstream/reset-socket.ts";
import { DOWN, type Plan, talk, targetOf } from "./marked-backend.ts";
import { Arrival, marked, pour, Source } from "./marked-bytes.ts";

/** What became of the exchanges. */
export interface Tally {
  /** Responses, or tunnels' halves, that arrived whole. */
  whole: number;
  /** Cut short by a plan that says so, and seen to be. */
  cut: number;
  /** Callers that left within. */
  left: number;
  /** Answered by the proxy itself, because the body was too long to be sent again. */
  refused: number;
  bytes: number;
  readonly wrong: string[];
}

export interface Call extends Plan {
  readonly host: string;
}

export async function connect(port: number, secure: boolean): Promise<Socket> {
  const options = { port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true };
  const socket = secure ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
  socket.on("error", () => {});
  await once(socket, secure ? "secureConnect" : "connect");
  return socket;
}

/** One connection of a caller, over which it makes its calls. */
export class MarkedCaller {
  readonly #socket: Socket;
  readonly #source: Source;
  readonly #tally: Tally;
  /** It takes another call. */
  open = true;

  constructor(socket: Socket, tally: Tally) {
    this.#socket = socket;
    this.#source = new Source(socket);
    this.#tally = tally;
  }

  close(): void {
    this.open = false;
    this.#socket.destroy();
  }

  /** Requests right behind each other, with nothing between; then their responses in order. */
  async pipeline(calls: readonly Call[]): Promise<void> {
    const send = async (): Promise<void> => {
      const bytes = calls.map((call) => Buffer.concat([head(call), framed(call)]));
      await pour(this.#socket, Buffer.concat(bytes), { piece: 1 << 20, turns: 0 });
    };
    const receive = async (): Promise<void> => {
      for (const call of calls) if (this.open) await this.#receive(call);
    };
    await Promise.all([send(), receive()]);
  }

  async call(call: Call): Promise<void> {
    const send = async (): Promise<void> => {
      this.#socket.write(head(call));
      if (call.upFraming === 0)
        await pour(this.#socket, framed(call), { piece: call.upPiece, turns: call.sendPause });
      else await pour(this.#socket, framed(call), { piece: 3 * call.upPiece, turns: call.sendPause });
    };
    await Promise.all([send(), this.#receive(call)]);
  }

  /** After `opening`, to which a head may come back, bytes flow both ways until both have ended. */
  async tunnel(call: Call, opening: string, hasHead: boolean): Promise<void> {
    const arrival = new Arrival(call.id + DOWN, call.down);
    const sent = marked(call.id, call.up);
    // The first bytes come before the tunnel stands.
    const early = Math.min(sent.length, call.upPiece);
    this.#socket.write(Buffer.concat([Buffer.from(opening, "latin1"), sent.subarray(0, early)]));
    if (hasHead) {
      const answer = await this.#source.takeUntil("\r\n\r\n");
      if (!answer || !/^HTTP\/1\.1 (101|200) /.test(answer)) {
        this.#wrong(call, `no tunnel: ${JSON.stringify(answer)}`);
        this.close();
        return;
      }
    }
    if (call.leaveAt >= 0) {
      await this.#source.takeInto(arrival, call.leaveAt);
      this.#leave(call);
    } else {
      const pace = { piece: call.upPiece, sendPause: call.sendPause, readPause: call.readPause };
      await talk(this.#socket, this.#source, sent.subarray(early), arrival, pace);
      if (arrival.isWhole) this.#tally.whole++;
      else if (arrival.wrongAt < 0) this.#wrong(call, `${arrival.bytes} of ${call.down} bytes came`);
      this.close();
    }
    this.#judge(call, arrival);
  }

  async #receive(call: Call): Promise<void> {
    const answer = await this.#source.takeUntil("\r\n\r\n");
    if (answer === undefined) {
      this.#wrong(call, "no answer");
      this.close();
      return;
    }
    if (/^connection: close\r$/im.test(answer)) this.open = false;
    const status = answer.slice(9, 12);
    if (status !== "200") {
      // What is too long to be kept cannot be sent again.
      if (call.resetAt >= 0 && /^50[23]$/.test(status)) this.#tally.refused++;
      else this.#wrong(call, answer);
      this.close();
      return;
    }
    if (fieldOf(answer, "x-id") !== String(call.id)) {
      this.#wrong(call, `the answer is for ${fieldOf(answer, "x-id")}`);
      this.close();
      return;
    }
    const arrival = new Arrival(call.id + DOWN, call.down);
    const isWhole = await this.#readBody(call, answer, arrival);
    if (isWhole) {
      if (arrival.isWhole) this.#tally.whole++;
      else if (arrival.wrongAt < 0)
        this.#wrong(call, `${arrival.bytes} of ${call.down} bytes were taken for whole`);
    } else if (call.leaveAt >= 0) this.#leave(call);
    else if (call.cutAt >= 0) this.#tally.cut++;
    else this.#wrong(call, `cut at ${arrival.bytes} of ${call.down}`);
    if (!isWhole || !this.open) this.close();
    this.#judge(call, arrival);
  }

  /** True: by its framing the body is whole. */
  async #readBody(call: Call, answer: string, arrival: Arrival): Promise<boolean> {
    const pause = call.readPause;
    const length = fieldOf(answer, "content-length");
    const leaveAt = call.leaveAt < 0 ? Number.POSITIVE_INFINITY : call.leaveAt;
    if (length !== undefined) {
      const most = Math.min(Number(length), leaveAt);
      return (await this.#source.takeInto(arrival, most, pause)) && most === Number(length);
    }
    for (;;) {
      if (arrival.bytes >= leaveAt) return false;
      const line = await this.#source.takeUntil("\r\n");
      if (line === undefined) return false;
      const size = Number.parseInt(line, 16);
      if (!(await this.#source.takeInto(arrival, size, pause))) return false;
      if ((await this.#source.takeUntil("\r\n")) !== "\r\n") return false;
      if (size === 0) return true;
    }
  }

  #leave(call: Call): void {
    this.#tally.left++;
    this.open = false;
    if (call.id % 2 === 0) resetSocket(this.#socket);
    else this.#socket.destroy();
  }

  #judge(call: Call, arrival: Arrival): void {
    this.#tally.bytes += arrival.bytes;
    if (arrival.wrongAt >= 0) this.#wrong(call, `something else from byte ${arrival.wrongAt} on`);
  }

  #wrong(call: Call, what: string): void {
    this.#tally.wrong.push(`${call.host} ${call.id}: ${what} ${JSON.stringify(call)}`);
  }
}

function fieldOf(answer: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)\r$`, "im").exec(answer)?.[1];
}

function head(call: Call): Buffer {
  const { host, up, upFraming } = call;
  let framing = "";
  if (upFraming === 1) framing = "Transfer-Encoding: chunked\r\n";
  else if (up > 0) framing = `Content-Length: ${up}\r\n`;
  const method = up > 0 || upFraming === 1 ? "POST" : "GET";
  return Buffer.from(`${method} ${targetOf(call)} HTTP/1.1\r\nHost: ${host}\r\n${framing}\r\n`, "latin1");
}

function framed({ id, up, upFraming, upPiece }: Plan): Buffer {
  const body = marked(id, up);
  if (upFraming === 0) return body;
  const parts: Buffer[] = [];
  for (let at = 0; at < up; at += upPiece) {
    const piece = body.subarray(at, at + upPiece);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  parts.push(Buffer.from("0\r\n\r\n"));
  return Buffer.concat(parts);
}
