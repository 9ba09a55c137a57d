import { linesOfBytes, WILDCARD } from "./byte-text.ts";

/** An HTTP/1.1 message taken apart by a reader of the tests' own: it shares nothing with the proxy's codec. */
export interface WireMessage {
  readonly startLine: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly trailers: readonly Field[];
  readonly framing: "none" | "length" | "chunked" | "close";
}

type Field = readonly [name: string, value: string];

/** Where the head ends, behind its empty line; -1: not yet. */
export function headLength(bytes: string): number {
  const at = bytes.indexOf("\r\n\r\n");
  return at < 0 ? -1 : at + 4;
}

function fieldsOf(lines: readonly string[]): Field[] {
  return lines.map((line) => {
    const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line);
    if (!field) throw new Error(`not a field line: ${JSON.stringify(line)}`);
    return [field[1] ?? "", field[2] ?? ""];
  });
}

export function readHead(head: string): WireMessage {
  const [startLine = "", ...lines] = head.slice(0, -4).split("\r\n");
  const fields = fieldsOf(lines);
  const named = (name: string): string[] =>
    fields.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value.toLowerCase());
  const codings = named("transfer-encoding");
  const lengths = named("content-length");
  if (codings.length + lengths.length > 1) throw new Error("framed twice");
  const status = /^HTTP\/1\.[01] (\d{3})( |$)/.exec(startLine)?.[1];
  let framing: WireMessage["framing"] = status === undefined ? "none" : "close";
  if (status && (status.startsWith("1") || status === "204" || status === "304")) framing = "none";
  else if (codings.length > 0) {
    if (codings[0] !== "chunked") throw new Error(`a coding that is not chunked: ${codings[0]}`);
    framing = "chunked";
  } else if (lengths.length > 0) framing = "length";
  return { startLine, fields, body: "", trailers: [], framing };
}

function lengthOf({ fields }: WireMessage): number {
  return Number(fields.find(([name]) => name.toLowerCase() === "content-length")?.[1]);
}

/** A message from the beginning of `bytes`, and how long it is; undefined: it has not come whole. `ended`: nothing will follow. */
export function readMessage(
  bytes: string,
  ended: boolean,
): { readonly message: WireMessage; readonly length: number } | undefined {
  const at = headLength(bytes);
  if (at < 0) return undefined;
  const head = readHead(bytes.slice(0, at));
  switch (head.framing) {
    case "none":
      return { message: head, length: at };
    case "length": {
      const length = lengthOf(head);
      // A case may leave the length open: then the body is all that it says.
      const end = Number.isNaN(length) ? bytes.length : at + length;
      return bytes.length < end
        ? undefined
        : { message: { ...head, body: bytes.slice(at, end) }, length: end };
    }
    case "close":
      return ended ? { message: { ...head, body: bytes.slice(at) }, length: bytes.length } : undefined;
    default:
      return readChunked(head, bytes, at);
  }
}

function readChunked(
  head: WireMessage,
  bytes: string,
  start: number,
): { readonly message: WireMessage; readonly length: number } | undefined {
  let body = "";
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const digits = bytes.slice(at, lineEnd).split(";", 1)[0] ?? "";
    if (!/^[0-9a-f]{1,12}$/i.test(digits)) throw new Error(`not a chunk's size: ${JSON.stringify(digits)}`);
    const size = Number.parseInt(digits, 16);
    if (size === 0) {
      const end = bytes.startsWith("\r\n", lineEnd + 2)
        ? lineEnd + 4
        : headLength(bytes.slice(lineEnd + 2)) + lineEnd + 2;
      if (end < lineEnd + 4 || bytes.length < end) return undefined;
      const trailers = fieldsOf(
        bytes
          .slice(lineEnd + 2, end - 4)
          .split("\r\n")
          .filter((line) => line !== ""),
      );
      return { message: { ...head, body, trailers }, length: end };
    }
    const dataEnd = lineEnd + 2 + size;
    if (bytes.length < dataEnd + 2) return undefined;
    if (!bytes.startsWith("\r\n", dataEnd)) throw new Error("a chunk is not followed by CR LF");
    body += bytes.slice(lineEnd + 2, dataEnd);
    at = dataEnd + 2;
  }
}

/** How exactly a proxy is held to what a case says. */
export interface Comparison {
  /**
   * Lower-case names of fields that the proxy adds by itself. In an exact comparison they count where the case names them, otherwise
   * they do not count at all.
   */
  readonly own: ReadonlySet<string>;
  /** Whether the order of fields, the case of names and codings, and the version in the start line count. */
  readonly exact: boolean;
}

function matches(actual: string, expected: string): boolean {
  const parts = expected.split(WILDCARD);
  const [first = ""] = parts;
  if (parts.length === 1) return actual === expected;
  const last = parts.at(-1) ?? "";
  if (!actual.startsWith(first) || !actual.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    at = actual.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return at + last.length <= actual.length;
}

/** What is different, as a sentence; undefined: nothing. */
export function difference(
  expected: WireMessage,
  actual: WireMessage,
  { own, exact }: Comparison,
): string | undefined {
  const version = (line: string): string => (exact ? line : line.replace("HTTP/1.0", "HTTP/1.1"));
  if (!matches(version(actual.startLine), version(expected.startLine)))
    return `begins with ${JSON.stringify(actual.startLine)}`;
  const fields = fieldDifference(expected.fields, actual.fields, own, exact);
  if (fields) return fields;
  if (!matches(actual.body, expected.body)) return `has the body\n${linesOfBytes(actual.body)}`;
  return fieldDifference(expected.trailers, actual.trailers, new Set(), exact);
}

function fieldDifference(
  expected: readonly Field[],
  actual: readonly Field[],
  own: ReadonlySet<string>,
  exact: boolean,
): string | undefined {
  const named = new Set(exact ? expected.map(([name]) => name.toLowerCase()) : []);
  const counts = ([name]: Field): boolean => named.has(name.toLowerCase()) || !own.has(name.toLowerCase());
  const loose = ([name, value]: Field): Field => {
    const lower = name.toLowerCase();
    return [lower, lower === "transfer-encoding" ? value.toLowerCase() : value];
  };
  const counted = actual.filter(counts).map((field) => (exact ? field : loose(field)));
  const wanted = expected.filter(counts).map((field) => (exact ? field : loose(field)));
  if (!exact) for (const list of [counted, wanted]) list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (let i = 0; i < Math.max(counted.length, wanted.length); i++) {
    const [name, value] = wanted[i] ?? [];
    const field = counted[i];
    if (name === undefined) return `has a field too many: ${JSON.stringify(field)}`;
    if (!field) return `lacks the field ${JSON.stringify(`${name}: ${value}`)}`;
    if (field[0] !== name || !matches(field[1], value ?? ""))
      return `says ${JSON.stringify(field.join(": "))} where ${JSON.stringify(`${name}: ${value}`)} is expected`;
  }
  return undefined;
}
