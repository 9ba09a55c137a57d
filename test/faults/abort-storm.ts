import type { Random } from "../../xds/common/random.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";

/** Lets the event loop turn so often: long enough to fall between any two phases of an exchange. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function leave({ socket }: RawConnection, random: Random): void {
  if (random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
}

const LARGE = "y".repeat(48 * 1024);
const GARBAGE = [
  "\0\0\0\0",
  "HTTP/1.1 2000 OK\r\n\r\n",
  "SSH-2.0-x\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
];

type Fate = (connection: RawConnection, random: Random) => Promise<unknown> | unknown;

/** What can become of a whole request, each with its part of 100; what is left of the 100 is answered well. */
const FATES: readonly (readonly [number, Fate])[] = [
  [3, (c) => c.socket.resetAndDestroy()],
  [3, (c) => c.socket.end()],
  [
    4,
    async (c, random) => {
      c.send("HTTP/1.1 200 OK\r\nContent-Le");
      await turns(random() * 3);
      leave(c, random);
    },
  ],
  [
    4,
    async (c, random) => {
      c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      await turns(random() * 3);
      leave(c, random);
    },
  ],
  [
    4,
    async (c, random) => {
      c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
      await turns(random() * 3);
      leave(c, random);
    },
  ],
  [2, (c, random) => c.send(GARBAGE[Math.floor(random() * GARBAGE.length)] as string)],
  // Never answers, and dies, or is closed by whoever loses patience first.
  [1, (c, random) => pause(random() * 40).then(() => leave(c, random))],
  [0.3, (c) => c.untilEnded()],
  [3, (c) => c.socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast")],
  [3, (c) => c.socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end")],
  // Keep-alive closed without a word, and bytes that nobody asked for.
  [3, (c) => c.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")],
  [2, (c) => c.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 200 OK\r\n\r\n")],
  [3, (c) => c.send("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")],
  [2, (c) => c.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")],
  [
    5,
    async (c, random) => {
      for (const piece of [
        "HTTP/1.1 200 OK\r\nTransfer-",
        "Encoding: chunked\r\n\r\n3\r\na",
        "bc\r\n",
        "0\r\n\r\n",
      ]) {
        c.send(piece);
        await turns(random() * 3);
      }
    },
  ],
  [8, (c) => c.send(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n${LARGE}`)],
];

function draw(random: Random): Fate {
  let lot = random() * 100;
  for (const [part, fate] of FATES) {
    if (lot < part) return fate;
    lot -= part;
  }
  return (connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
}

/** A backend at its worst: answers half of its requests well, and the others in every way that it should not. */
export function hostileBackend(random: Random): Promise<ScriptedBackend> {
  return ScriptedBackend.start(async (connection) => {
    for (;;) {
      await connection.take((text) => (text === "" ? -1 : 0), "a request");
      const lot = random();
      if (lot < 0.03) leave(connection, random);
      else if (lot < 0.06) connection.send("HTTP/1.1 413 Enough\r\nContent-Length: 0\r\n\r\n");
      await connection.takeMessage();
      await draw(random)(connection, random);
    }
  });
}

const PIECE = "x".repeat(1_500);
const CHUNK = `${PIECE.length.toString(16)}\r\n${PIECE}\r\n`;

/** A request in the pieces that it is sent in. */
function request(random: Random): string[] {
  const lot = random();
  const head = "Host: orders\r\nUser-Agent: storm\r\n";
  const get = `GET / HTTP/1.1\r\n${head}\r\n`;
  if (lot < 0.55) return [get];
  // Pipelined: whether the second is answered is left open.
  if (lot < 0.6) return [get + get];
  const pieces = Math.floor(random() * 4);
  if (lot < 0.8) {
    const method = random() < 0.5 ? "POST" : "PUT";
    const framing = `${method} / HTTP/1.1\r\n${head}Content-Length: ${pieces * PIECE.length}\r\n\r\n`;
    return [framing, ...Array<string>(pieces).fill(PIECE)];
  }
  return [
    `POST / HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n`,
    ...Array<string>(pieces).fill(CHUNK),
    "0\r\n\r\n",
  ];
}

export interface StormResult {
  begun: number;
  /** Given up by the caller, at a moment of its choice. */
  abandoned: number;
  /** Answered with a whole 2xx. */
  succeeded: number;
  /** Answered with any other whole response. */
  refused: number;
  /** Broken off by the proxy. */
  broken: number;
}

/** One caller's requests, one after the other, on connections that it keeps as long as it can. */
class Caller {
  #connection: RawConnection | undefined;
  readonly #port: number;
  readonly #random: Random;
  readonly #result: StormResult;

  constructor(port: number, random: Random, result: StormResult) {
    this.#port = port;
    this.#random = random;
    this.#result = result;
  }

  async run(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.#one();
    this.#connection?.socket.destroy();
  }

  async #one(): Promise<void> {
    const random = this.#random;
    this.#result.begun++;
    if (!this.#connection || this.#connection.ended || this.#connection.wasReset) {
      this.#connection?.socket.destroy();
      this.#connection = await RawConnection.open(this.#port);
    }
    const connection = this.#connection;
    const pieces = request(random);
    // At which piece the caller leaves, if it does; past the last: while it waits, or while it reads.
    const leavesAt = random() < 0.5 ? Math.floor(random() * (pieces.length + 2)) : Number.POSITIVE_INFINITY;
    for (const [i, piece] of pieces.entries()) {
      if (i === leavesAt) {
        connection.send(piece.slice(0, random() * piece.length));
        await turns(random() * 4);
        this.#abandon(connection);
        return;
      }
      connection.send(piece);
      if (random() < 0.2) await turns(random() * 3);
    }
    if (leavesAt === pieces.length) {
      await turns(random() * 8);
      this.#abandon(connection);
      return;
    }
    await this.#answer(connection, leavesAt === pieces.length + 1);
  }

  async #answer(connection: RawConnection, leavesWithin: boolean): Promise<void> {
    try {
      let head = await connection.takeUntil("\r\n\r\n");
      while (head.startsWith("HTTP/1.1 1")) head = await connection.takeUntil("\r\n\r\n");
      if (leavesWithin) {
        this.#abandon(connection);
        return;
      }
      await takeBody(connection, head);
      if (head.startsWith("HTTP/1.1 200")) this.#result.succeeded++;
      else this.#result.refused++;
      if (/^connection: close\r$/im.test(head) || this.#random() < 0.1) this.#drop(connection);
    } catch {
      this.#result.broken++;
      this.#drop(connection);
    }
  }

  #abandon(connection: RawConnection): void {
    this.#result.abandoned++;
    if (this.#random() < 0.1) {
      // Half-closed and left alone: the proxy has to find out.
      connection.socket.end();
      connection.socket.setTimeout(500, () => connection.socket.destroy());
    } else leave(connection, this.#random);
    this.#connection = undefined;
  }

  #drop(connection: RawConnection): void {
    connection.socket.destroy();
    this.#connection = undefined;
  }
}

async function takeBody(connection: RawConnection, head: string): Promise<void> {
  const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
  if (length !== undefined) {
    const wanted = Number(length);
    await connection.take((text) => (text.length >= wanted ? wanted : -1), `${wanted} body bytes`);
  } else if (/^transfer-encoding: chunked\r$/im.test(head)) await connection.takeUntil("0\r\n\r\n");
  else if (!head.startsWith("HTTP/1.1 204")) await connection.untilEnded();
}

/** `count` requests by 100 callers at once, half of which leave at a random moment. */
export async function abortStorm(port: number, count: number, random: Random): Promise<StormResult> {
  const result: StormResult = { begun: 0, abandoned: 0, succeeded: 0, refused: 0, broken: 0 };
  const callers = 100;
  const share = Math.ceil(count / callers);
  await Promise.all(Array.from({ length: callers }, () => new Caller(port, random, result).run(share)));
  return result;
}
