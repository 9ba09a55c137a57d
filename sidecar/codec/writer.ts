import type { BodyFraming, FieldLines, RequestHead, ResponseHead } from "./head.ts";
import { HeadLines } from "./head-lines.ts";

/** RFC 9110, 7.6.1 wants each hop-by-hop field named by Connection. */
function addRequestOptions(lines: HeadLines, head: RequestHead, keepAlive: boolean): void {
  if (keepAlive && head.upgrade === "" && !head.acceptsTrailers) return;
  const options: string[] = [];
  if (!keepAlive) options.push("close");
  if (head.upgrade !== "") {
    options.push("Upgrade");
    lines.addField("Upgrade", head.upgrade);
  }
  if (head.acceptsTrailers) {
    options.push("TE");
    lines.addField("TE", "trailers");
  }
  lines.addField("Connection", options.join(", "));
}

function requestLines(head: RequestHead, keepAlive: boolean): HeadLines {
  const lines = new HeadLines();
  lines.add(head.method, head.target, "HTTP/1.1");
  lines.addField("Host", head.authority);
  lines.addFields(head.fields, head.framing === "length" ? head.contentLength : -1);
  if (head.framing === "chunked") lines.addField("Transfer-Encoding", "chunked");
  if (head.expectContinue) lines.addField("Expect", "100-continue");
  addRequestOptions(lines, head, keepAlive);
  lines.add("");
  return lines;
}

/**
 * A request for the next hop, always HTTP/1.1 (RFC 9112, 2.5): start line, Host, the fields as they stand,
 * then what frames the body and speaks about this hop. `keepAlive`: the connection is to be used again.
 * `body` (whole, or a first piece that is framed already) follows in the same Buffer, so that both are one
 * write. No part can end a line: what would is cleaned.
 */
export function encodeRequestHead(head: RequestHead, keepAlive: boolean, body?: Buffer): Buffer {
  return requestLines(head, keepAlive).encode(body);
}

/**
 * How a response's body is framed for a caller of this HTTP version: HTTP/1.0 knows no chunks, HTTP/1.1 needs
 * no close.
 */
export function framingFor(framing: BodyFraming, callerVersion: RequestHead["version"]): BodyFraming {
  if (framing === "chunked" && callerVersion === 0) return "close";
  return framing === "close" && callerVersion !== 0 ? "chunked" : framing;
}

function addResponseOptions(
  lines: HeadLines,
  head: ResponseHead,
  callerVersion: number,
  keepAlive: boolean,
): void {
  if (head.status === 101) {
    lines.addField("Connection", "Upgrade");
    lines.addField("Upgrade", head.upgrade);
  } else if (head.status >= 200) {
    if (!keepAlive) lines.addField("Connection", "close");
    else if (callerVersion === 0) lines.addField("Connection", "keep-alive");
  }
}

function responseLines(
  head: ResponseHead,
  callerVersion: RequestHead["version"],
  keepAlive: boolean,
): HeadLines {
  const framing = framingFor(head.framing, callerVersion);
  const lines = new HeadLines();
  lines.add("HTTP/1.1", String(head.status), head.reason);
  if (framing === "none") lines.addFields(head.fields, undefined);
  else lines.addFields(head.fields, framing === "length" ? head.contentLength : -1);
  if (framing === "chunked") lines.addField("Transfer-Encoding", "chunked");
  addResponseOptions(lines, head, callerVersion, keepAlive && framing !== "close");
  lines.add("");
  return lines;
}

/**
 * A response for a caller of `callerVersion`, always written as HTTP/1.1. Its body is framed as `framingFor`
 * says. `framing` "none" is for what never has a body (HEAD, 1xx, 204, 304): any other empty response must
 * say "length", 0. `keepAlive`: the connection takes another request; it does not when the framing is
 * "close". `body` as for requests.
 */
export function encodeResponseHead(
  head: ResponseHead,
  callerVersion: RequestHead["version"],
  keepAlive: boolean,
  body?: Buffer,
): Buffer {
  return responseLines(head, callerVersion, keepAlive).encode(body);
}

/** The end of a chunked body. */
export function encodeLastChunk(trailers: FieldLines | undefined): Buffer {
  const lines = new HeadLines();
  lines.add("0");
  if (trailers !== undefined) lines.addFields(trailers, undefined);
  lines.add("");
  return lines.encode(undefined);
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
