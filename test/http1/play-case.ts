import assert from "node:assert/strict";
import { RawConnection } from "../support/raw-http.ts";
import { linesOfBytes } from "./byte-text.ts";
import type { CorpusCase, Step } from "./corpus-case.ts";
import type { CorpusOrigin } from "./corpus-origin.ts";
import { LOOPBACK } from "./loopback.ts";
import {
  type Comparison,
  difference,
  headLength,
  readHead,
  readMessage,
  type WireMessage,
} from "./wire-message.ts";

/** Requests of the player's own: every proxy under test sends this target to the case's origin. */
export const MARKER_TARGET = "/corpus-marker";
const MARKER = `GET ${MARKER_TARGET} HTTP/1.1\r\nHost: marker\r\n\r\n`;
const MARKED = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nmarked";

/** The longest that one step may take: for the message of a test that hangs, never for its success. */
const DEFAULT_STEP_TIMEOUT_MS = 10_000;

export interface PlayOptions {
  readonly comparison: Comparison;
  readonly stepTimeoutMs?: number;
  /** Heads are sent byte by byte, and what follows them at once with their last byte. Default: all in one write. */
  readonly trickles?: boolean;
}

/** Bytes that are sent one by one at most: long heads are long in the middle only. */
const MOST_PIECES = 600;

/**
 * Plays one case through the proxy on `port` and throws where the proxy does otherwise than the case says. At the end nothing may be
 * left over on either side: what no step expects must not come.
 */
export async function playCase(
  corpusCase: CorpusCase,
  port: number,
  origin: CorpusOrigin,
  options: PlayOptions,
): Promise<void> {
  const { stepTimeoutMs = DEFAULT_STEP_TIMEOUT_MS } = options;
  const play = new CasePlay(port, origin, options);
  try {
    await play.start();
    for (const step of corpusCase.steps) {
      try {
        await withinTime(play.step(step), stepTimeoutMs);
      } catch (error) {
        throw new Error(`${corpusCase.file}:${step.line}: ${(error as Error).message}\n${play.left()}`);
      }
    }
    await withinTime(play.finish(), stepTimeoutMs).catch((error: Error) => {
      throw new Error(`${corpusCase.file}:${corpusCase.line}: at the end: ${error.message}\n${play.left()}`);
    });
  } finally {
    play.close();
  }
}

async function withinTime(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing (more) came")), timeoutMs);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

class CasePlay {
  readonly #port: number;
  readonly #origin: CorpusOrigin;
  readonly #comparison: Comparison;
  readonly #trickles: boolean;
  readonly #clients: RawConnection[] = [];

  constructor(port: number, origin: CorpusOrigin, { comparison, trickles = false }: PlayOptions) {
    this.#port = port;
    this.#origin = origin;
    this.#comparison = comparison;
    this.#trickles = trickles;
  }

  async start(): Promise<void> {
    this.#clients.push(await RawConnection.open(this.#port, LOOPBACK));
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case "sends":
        await this.#send(this.#side(step.side), step.bytes);
        return;
      case "gets":
        if (step.side === "origin") await this.#chooseConnection(step.connection);
        await this.#expect(this.#side(step.side), step);
        return;
      case "status":
        await this.#expectStatus(step.status);
        return;
      case "nothing":
        await this.#mark(await this.#connect());
        this.#assertNothingLeft();
        return;
      case "stays":
        await this.#mark(this.#client);
        return;
      case "closed":
        await this.#expectClosed(this.#side(step.side), step.reset);
        return;
      case "ends":
        this.#side(step.side).socket.end();
        return;
      case "resets":
        this.#side(step.side).socket.resetAndDestroy();
        return;
      case "connects":
        await this.start();
    }
  }

  /** A request after all the others reaches the origin, and nothing else does. */
  async finish(): Promise<void> {
    await this.#mark(await this.#connect());
    this.#assertNothingLeft();
    for (const { text } of this.#clients) {
      assert.ok(text === "", `the client gets more than the case says:\n${linesOfBytes(text)}`);
    }
  }

  close(): void {
    for (const { socket } of [...this.#clients, ...this.#origin.connections]) socket.destroy();
  }

  /** What came and was not expected, for the message of a failure. */
  left(): string {
    const say = (side: string, { text, ended, wasReset }: RawConnection, index: number): string => {
      const state = wasReset ? "reset" : ended ? "ended" : "open";
      return `  ${side} connection ${index + 1} (${state})${text === "" ? "" : ` holds\n${linesOfBytes(text)}`}`;
    };
    return [
      ...this.#clients.map((connection, index) => say("client", connection, index)),
      ...this.#origin.connections.map((connection, index) => say("origin", connection, index)),
    ].join("\n");
  }

  get #client(): RawConnection {
    return this.#clients.at(-1) as RawConnection;
  }

  #side(side: "client" | "origin"): RawConnection {
    const connection = side === "client" ? this.#client : this.#origin.current;
    assert.ok(connection, "the origin has no connection yet");
    return connection;
  }

  async #connect(): Promise<RawConnection> {
    const connection = await RawConnection.open(this.#port, LOOPBACK);
    connection.socket.unref();
    return connection;
  }

  async #send(connection: RawConnection, bytes: string): Promise<void> {
    let at = 0;
    if (this.#trickles) {
      const end = Math.min(MOST_PIECES, (bytes.indexOf("\r\n\r\n") + 4 || bytes.length) - 1);
      // A proxy that has refused already reads no more.
      for (; at < end && !connection.ended; at++) {
        connection.send(bytes.charAt(at));
        await new Promise(setImmediate);
      }
    }
    connection.send(bytes.slice(at));
  }

  async #chooseConnection(wanted: "any" | "new" | "same"): Promise<void> {
    const before = this.#origin.current;
    const chosen = await this.#origin.withBytes();
    if (wanted === "same") assert.ok(chosen === before, "the origin gets it on another connection");
    if (wanted === "new") assert.ok(chosen !== before, "the origin gets it on the connection of before");
    this.#origin.current = chosen;
  }

  async #expect(connection: RawConnection, step: Extract<Step, { kind: "gets" }>): Promise<void> {
    if (step.what === "bytes") {
      const { bytes } = step;
      const taken = await connection.take(
        (text) => (text.length >= bytes.length || !bytes.startsWith(text) ? bytes.length : -1),
        `${bytes.length} bytes`,
      );
      assert.ok(taken === bytes, `the ${step.side} gets other bytes:\n${linesOfBytes(taken)}`);
      return;
    }
    const whole = step.what === "message";
    const taken = whole ? await takeMessage(connection) : readHead(await connection.takeUntil("\r\n\r\n"));
    const expected = whole ? readMessage(step.bytes, true)?.message : readHead(step.bytes);
    assert.ok(expected, "the case expects a message that is not whole");
    const differs = difference(expected, taken, this.#comparison);
    assert.ok(differs === undefined, `what the ${step.side} gets ${differs}`);
  }

  async #expectStatus(status: number): Promise<void> {
    const answered = takeMessage(this.#client);
    if (status >= 400) {
      const passed = this.#origin.withBytes().then(() => "passed" as const);
      answered.catch(() => {});
      assert.ok((await Promise.race([answered, passed])) !== "passed", "the origin gets it");
    }
    const { startLine } = await answered;
    const [, seen] = /^HTTP\/1\.[01] (\d{3})/.exec(startLine) ?? [];
    // Proxies agree on what to refuse more than on the number that says so.
    const agrees =
      Number(seen) === status || (!this.#comparison.exact && status >= 400 && Number(seen) >= 400);
    assert.ok(agrees, `the client gets ${JSON.stringify(startLine)}`);
  }

  async #expectClosed(connection: RawConnection, reset: boolean): Promise<void> {
    const text = await connection.untilEnded();
    assert.ok(connection.wasReset || !reset, "the connection ends without a reset");
    assert.ok(text === "", `more bytes come before the connection ends:\n${linesOfBytes(text)}`);
  }

  async #mark(connection: RawConnection): Promise<void> {
    connection.send(MARKER);
    const answered = this.#answerMarker();
    // The proxy may have answered by itself, or ended the connection: then nothing reaches the origin.
    const message = await Promise.race([
      takeMessage(connection),
      answered.then(() => takeMessage(connection)),
    ]);
    assert.ok(message.body === "marked", `a following request gets ${message.startLine}`);
    await answered;
    if (connection !== this.#client) connection.socket.destroy();
  }

  async #answerMarker(): Promise<void> {
    const origin = this.#origin;
    for (;;) {
      const marked = origin.connections.find(({ text }) => text.includes(`GET ${MARKER_TARGET} `));
      if (marked && headLength(marked.text.slice(marked.text.indexOf(`GET ${MARKER_TARGET} `))) > 0) {
        const head = await marked.takeUntil("\r\n\r\n");
        assert.ok(
          head.startsWith(MARKER.slice(0, 20)),
          `the origin gets more than the case says:\n${linesOfBytes(head)}`,
        );
        marked.send(MARKED);
        return;
      }
      await origin.next();
    }
  }

  #assertNothingLeft(): void {
    for (const { text } of this.#origin.connections) {
      assert.ok(text === "", `the origin gets more than the case says:\n${linesOfBytes(text)}`);
    }
  }
}

/** The next whole message; its end may be the connection's. */
async function takeMessage(connection: RawConnection): Promise<WireMessage> {
  let taken: WireMessage | undefined;
  const head = await connection.take(headLength, "a whole head");
  const { framing } = readHead(head);
  if (framing === "close") return { ...readHead(head), body: await takeRest(connection) };
  await connection.take((text) => {
    const read = readMessage(head + text, false);
    taken = read?.message;
    return read ? read.length - head.length : -1;
  }, "a whole body");
  return taken as WireMessage;
}

async function takeRest(connection: RawConnection): Promise<string> {
  const { length } = await connection.untilEnded();
  assert.ok(!connection.wasReset, "the connection is reset inside a body that ends with it");
  return connection.take(() => length, "the rest");
}
