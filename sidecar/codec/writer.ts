import type { BodyFraming, FieldLines, RequestHead, ResponseHead } from "./head.ts";
import { cleanText, encodeLines } from "./line-encoder.ts";

/** The head being written: its text, and how many lines it is meant to have. */
let text = "";
let lines = 0;

function isContentLength(name: string): boolean {
  if (name.length !== 14) return false;
  const first = name.charCodeAt(0);
  return (first === 0x43 || first === 0x63) && name.toLowerCase() === "content-length";
}

/**
 * Adds field lines with the one Content-Length that is true. `length` -1: none may stand, because the body is framed otherwise;
 * undefined: what stands is left (the answer to a HEAD, a 304).
 */
function addFields(fields: FieldLines, length: number | undefined): void {
  let missing = length !== undefined && length >= 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (length === undefined || !isContentLength(name)) {
      text += `${name}: ${fields[i + 1]}\r\n`;
      lines++;
    } else if (missing) {
      addLine(`${name}: ${length}`);
      missing = false;
    }
  }
  if (missing) addLine(`Content-Length: ${length}`);
}

function addLine(line: string): void {
  text += `${line}\r\n`;
  lines++;
}

/** What the Connection field of a request says: RFC 9110, 7.6.1 wants each hop-by-hop field named. */
function addRequestOptions(head: RequestHead, keepAlive: boolean): void {
  if (keepAlive && head.upgrade === "" && !head.acceptsTrailers) return;
  const options: string[] = [];
  if (!keepAlive) options.push("close");
  if (head.upgrade !== "") {
    options.push("Upgrade");
    addLine(`Upgrade: ${head.upgrade}`);
  }
  if (head.acceptsTrailers) {
    options.push("TE");
    addLine("TE: trailers");
  }
  addLine(`Connection: ${options.join(", ")}`);
}

function addRequest(head: RequestHead, keepAlive: boolean): void {
  text = `${head.method} ${head.target} HTTP/1.1\r\nHost: ${head.authority}\r\n`;
  lines = 2;
  addFields(head.fields, head.framing === "length" ? head.contentLength : -1);
  if (head.framing === "chunked") addLine("Transfer-Encoding: chunked");
  if (head.expectContinue) addLine("Expect: 100-continue");
  addRequestOptions(head, keepAlive);
  addLine("");
}

/**
 * A request for the next hop, always HTTP/1.1 (RFC 9112, 2.5): start line, Host, the fields as they stand, then what frames the
 * body and speaks about this hop. `keepAlive`: the connection is to be used again. `body` (whole, or a first piece that is
 * framed already) follows in the same Buffer, so that both are one write. No part can end a line: what would is cleaned.
 */
export function encodeRequestHead(head: RequestHead, keepAlive: boolean, body?: Buffer): Buffer {
  addRequest(head, keepAlive);
  const encoded = encodeLines(text, lines, body);
  if (encoded !== undefined) return encoded;
  addRequest(
    {
      ...head,
      method: cleanText(head.method),
      target: cleanText(head.target),
      authority: cleanText(head.authority),
      upgrade: cleanText(head.upgrade),
      fields: head.fields.map(cleanText),
    },
    keepAlive,
  );
  return encodeClean(body);
}

/** How a response's body is framed for a caller of this HTTP version: HTTP/1.0 knows no chunks, HTTP/1.1 needs no close. */
export function framingFor(framing: BodyFraming, callerVersion: RequestHead["version"]): BodyFraming {
  if (framing === "chunked" && callerVersion === 0) return "close";
  return framing === "close" && callerVersion !== 0 ? "chunked" : framing;
}

function addResponseOptions(head: ResponseHead, callerVersion: number, keepAlive: boolean): void {
  if (head.status === 101) {
    addLine("Connection: Upgrade");
    addLine(`Upgrade: ${head.upgrade}`);
  } else if (head.status >= 200) {
    if (!keepAlive) addLine("Connection: close");
    else if (callerVersion === 0) addLine("Connection: keep-alive");
  }
}

function addResponse(head: ResponseHead, callerVersion: RequestHead["version"], keepAlive: boolean): void {
  const framing = framingFor(head.framing, callerVersion);
  text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  lines = 1;
  if (framing === "none") addFields(head.fields, undefined);
  else addFields(head.fields, framing === "length" ? head.contentLength : -1);
  if (framing === "chunked") addLine("Transfer-Encoding: chunked");
  addResponseOptions(head, callerVersion, keepAlive && framing !== "close");
  addLine("");
}

/**
 * A response for a caller of `callerVersion`, always written as HTTP/1.1. Its body is framed as `framingFor` says.
 * `framing` "none" is for what never has a body (HEAD, 1xx, 204, 304): any other empty response must say "length", 0.
 * `keepAlive`: the connection takes another request; it does not when the framing is "close". `body` as for requests.
 */
export function encodeResponseHead(
  head: ResponseHead,
  callerVersion: RequestHead["version"],
  keepAlive: boolean,
  body?: Buffer,
): Buffer {
  addResponse(head, callerVersion, keepAlive);
  const encoded = encodeLines(text, lines, body);
  if (encoded !== undefined) return encoded;
  const cleaned = {
    ...head,
    reason: cleanText(head.reason),
    upgrade: cleanText(head.upgrade),
    fields: head.fields.map(cleanText),
  };
  addResponse(cleaned, callerVersion, keepAlive);
  return encodeClean(body);
}

/** Tabs are controls too, and allowed: what has been cleaned is encoded without another look. */
function encodeClean(body: Buffer | undefined): Buffer {
  const head = Buffer.from(text, "latin1");
  return body === undefined ? head : Buffer.concat([head, body]);
}

/** The end of a chunked body. */
export function encodeLastChunk(trailers: FieldLines | undefined): Buffer {
  text = "0\r\n";
  if (trailers !== undefined) addFields(trailers.map(cleanText), undefined);
  addLine("");
  return encodeClean(undefined);
}

/** The line before a chunk's data, and what follows them. No chunk is empty: that would end the body. */
export function chunkHeader(length: number): string {
  return `${length.toString(16)}\r\n`;
}
export const CHUNK_END = "\r\n";

/** A whole chunk in one Buffer. Copies its data: for small ones, where a write costs more than a copy. */
export function encodeChunk(data: Buffer): Buffer {
  const header = chunkHeader(data.length);
  const chunk = Buffer.allocUnsafe(header.length + data.length + CHUNK_END.length);
  chunk.write(header, 0, "latin1");
  data.copy(chunk, header.length);
  chunk.write(CHUNK_END, header.length + data.length, "latin1");
  return chunk;
}
