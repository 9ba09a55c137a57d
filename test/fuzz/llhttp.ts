import { createRequire } from "node:module";

/** One message as llhttp, the parser inside Node, framed it. */
export interface OracleMessage {
  readonly fields: string[];
  body: string;
  complete: boolean;
  /** It takes what follows for another protocol. */
  readonly upgrade: boolean;
}

export interface OracleResult {
  readonly messages: OracleMessage[];
  readonly refused: boolean;
}

interface Parser {
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): undefined | Error;
  close(): void;
  [callback: number]: unknown;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

function load(): ParserClass | undefined {
  try {
    return (createRequire(import.meta.url)("_http_common") as { HTTPParser?: ParserClass }).HTTPParser;
  } catch {
    return undefined;
  }
}

/** Undefined where this Node does not give its parser away. */
const Parser = load();
export const hasOracle = Parser !== undefined;

/** Reads in strict mode. `isHead`: the responses answer HEAD. `fin`: the peer closes behind the last byte. */
export function readWithOracle(
  bytes: Buffer,
  kind: "request" | "response",
  isHead = false,
  fin = false,
): OracleResult {
  if (Parser === undefined) throw new Error("no oracle");
  const messages: OracleMessage[] = [];
  const parser = new Parser();
  parser.initialize(kind === "request" ? Parser.REQUEST : Parser.RESPONSE, {}, 0, 0);
  let early: string[] = [];
  // Many fields, and trailers, come ahead of the callbacks that they belong to.
  parser[Parser.kOnHeaders] = (fields: string[]) => {
    early.push(...fields);
  };
  parser[Parser.kOnHeadersComplete] = (...told: unknown[]) => {
    const fields = [...early, ...((told[2] as string[] | undefined) ?? [])];
    messages.push({ fields, body: "", complete: false, upgrade: told[7] as boolean });
    early = [];
    const status = told[5] as number | undefined;
    return isHead && status !== undefined && status >= 200 ? 1 : 0;
  };
  parser[Parser.kOnBody] = (chunk: Buffer) => {
    (messages.at(-1) as OracleMessage).body += chunk.toString("latin1");
  };
  parser[Parser.kOnMessageComplete] = () => {
    (messages.at(-1) as OracleMessage).complete = true;
    early = [];
  };
  let outcome: number | Error | undefined = parser.execute(bytes);
  if (fin && !(outcome instanceof Error)) outcome = parser.finish();
  parser.close();
  return { messages, refused: outcome instanceof Error };
}
