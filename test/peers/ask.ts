import { networkInterfaces } from "node:os";
import { readHead, readMessage, type WireMessage } from "../http1/wire-message.ts";
import { eventually } from "../support/eventually.ts";
import { RawConnection } from "../support/raw-http.ts";
import type { Ask } from "./routing-case.ts";
import { ASK, fieldOf, type Seen, type Sightings } from "./witness-backend.ts";

/** What came of a request: everything that is to be the same, as text that can be compared. */
export interface Answer {
  /** The status line and the fields that the client got, one for each line. */
  readonly client: readonly string[];
  /** What each attempt brought to a backend. */
  readonly backends: readonly (readonly string[])[];
}

/** What each proxy says about itself, or what changes from one request to the next. */
const OF_THE_HOP: ReadonlySet<string> = new Set([
  ASK,
  "date",
  "server",
  "via",
  "connection",
  "traceparent",
  // Envoy adds these two to every message; the sidecar does not (docs/xds.md).
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-upstream-service-time",
  "x-envoy-response-flags",
]);
/** A reply with this is the sidecar's own, in words of its own. */
const LOCAL = "proxy-status";
const OF_A_LOCAL_REPLY: ReadonlySet<string> = new Set([
  LOCAL,
  "content-type",
  "content-length",
  "grpc-message",
]);
/** Envoy makes a copy as if it were a request of its own. */
const OF_A_COPY: ReadonlySet<string> = new Set(["x-envoy-internal", "x-forwarded-for"]);
const ANSWER_MS = 5_000;
let asked = 0;

/** Asks on a connection of its own. */
export async function answerTo(
  { text, reaches }: Ask,
  port: number,
  sightings: Sightings,
): Promise<Answer & { readonly local: boolean }> {
  const id = `${++asked}`;
  const connection = await RawConnection.open(port);
  try {
    const { localPort = 0 } = connection.socket;
    const bytes = requestBytes(text, id);
    connection.send(bytes);
    const message = await withinTime(responseOn(connection, bytes.startsWith("HEAD ")));
    const seen = (): readonly Seen[] => sightings.get(id) ?? [];
    await eventually(() => seen().length >= reaches, `${reaches} messages reach the backends`);
    const mask = masker(localPort, port);
    const local = message.fields.some(([name]) => name.toLowerCase() === LOCAL);
    return {
      local,
      client: linesOf(message, mask, true),
      // Attempts at one backend follow each other; copies come whenever they do.
      backends: seen()
        .toSorted((a, b) => (a.backend < b.backend ? -1 : a.backend > b.backend ? 1 : 0))
        .map((sighting) => seenLines(sighting, mask)),
    };
  } finally {
    connection.socket.destroy();
  }
}

function requestBytes(text: string, id: string): string {
  const [head = "", ...rest] = text.trimEnd().split("\n\n");
  const body = rest.join("\n\n");
  const [first = "", ...fields] = head.split("\n");
  const named = (name: string): boolean => fields.some((field) => field.toLowerCase().startsWith(`${name}:`));
  const start = / HTTP\/1\.[01]$/.test(first) ? first : `${first} HTTP/1.1`;
  const more = [...(named("host") ? [] : ["Host: witness.test"]), `${ASK}: ${id}`];
  if (body !== "") more.push(`Content-Length: ${body.length}`);
  return `${[start, ...more, ...fields].join("\r\n")}\r\n\r\n${body}`;
}

async function responseOn(connection: RawConnection, toHead: boolean): Promise<WireMessage> {
  for (;;) {
    const head = await connection.takeUntil("\r\n\r\n");
    const read = readHead(head);
    if (/ 10[023] /.test(read.startLine)) continue;
    if (toHead || read.framing === "none") return read;
    if (read.framing === "close") return { ...read, body: await connection.untilEnded() };
    let message: WireMessage | undefined;
    await connection.take((text) => {
      const whole = readMessage(head + text, false);
      message = whole?.message;
      return whole ? whole.length - head.length : -1;
    }, "a whole body");
    return message as WireMessage;
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Envoy puts one of them into `x-forwarded-for` in the place of a loopback address. */
const OWN_ADDRESSES: readonly string[] = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ family, internal }) => family === "IPv4" && !internal)
  .map(({ address }) => address);

type Mask = (value: string) => string;

/** Puts words in the place of what is different each time. */
function masker(clientPort: number, listenerPort: number): Mask {
  return (value) =>
    OWN_ADDRESSES.reduce((text, address) => text.replaceAll(address, "127.0.0.1"), value)
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/, "<uuid>")
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, "<time>")
      .replaceAll(`:${clientPort}`, ":<client port>")
      .replaceAll(`:${listenerPort}`, ":<listener port>")
      .replace(/="[0-9a-f]{16}"/, '="<cookie>"');
}

function linesOf(message: WireMessage, mask: Mask, ofResponse: boolean): string[] {
  const local = message.fields.some(([name]) => name.toLowerCase() === LOCAL);
  // Both know what an answer of another version or with other words says.
  const start = ofResponse ? (message.startLine.split(" ", 2)[1] ?? "") : mask(message.startLine);
  const fields = message.fields
    .map(([name, value]) => [name.toLowerCase(), mask(value)] as const)
    .filter(([name]) => !OF_THE_HOP.has(name) && !(local && OF_A_LOCAL_REPLY.has(name)))
    // Whether a body that is not there is told to be empty, or would be chunked.
    .filter(([name, value]) => !(name === "content-length" && value === "0") && name !== "transfer-encoding")
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}: ${value}`);
  return [start, ...fields, ...(message.body === "" || local ? [] : [`body ${mask(message.body)}`])];
}

function seenLines({ backend, message }: Seen, mask: Mask): string[] {
  const isCopy = /-shadow(:|$)/.test(fieldOf(message, "host"));
  const fields = message.fields.filter(([name]) => !(isCopy && OF_A_COPY.has(name.toLowerCase())));
  return [`at ${backend}`, ...linesOf({ ...message, fields }, mask, false)];
}

/** What is different, or undefined. Of a reply of the sidecar's own neither the words nor the type count. */
export function differenceOf(
  envoy: Answer,
  dashpot: Answer & { readonly local: boolean },
): string | undefined {
  const client = dashpot.local ? envoy.client.filter(isNoWord) : envoy.client;
  const before = [client, ...envoy.backends].map((lines) => lines.join("\n")).join("\n--\n");
  const after = [dashpot.client, ...dashpot.backends].map((lines) => lines.join("\n")).join("\n--\n");
  return before === after ? undefined : `Envoy:\n${before}\nDashpot:\n${after}`;
}

function isNoWord(line: string): boolean {
  return !line.startsWith("body ") && !/^(content-length|content-type|grpc-message):/.test(line);
}
