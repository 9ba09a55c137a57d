import type { BodyFraming, FieldLines, RequestHead, ResponseHead } from "./head.ts";
import type { WireBuffer } from "./wire-buffer.ts";

/** RFC 9110, 7.6.1 wants each hop-by-hop field named by Connection. */
function writeRequestOptions(out: WireBuffer, head: RequestHead, keepAlive: boolean): void {
  if (keepAlive && head.upgrade === "" && !head.acceptsTrailers) return;
  const options: string[] = [];
  if (!keepAlive) options.push("close");
  if (head.upgrade !== "") {
    options.push("Upgrade");
    out.field("Upgrade", head.upgrade);
  }
  if (head.acceptsTrailers) {
    options.push("TE");
    out.field("TE", "trailers");
  }
  out.field("Connection", options.join(", "));
}

/**
 * A request for the next hop, always HTTP/1.1 (RFC 9112, 2.5): start line, Host, the fields as they stand,
 * then what frames the body and speaks about this hop. `keepAlive`: the connection is to be used again.
 */
export function writeRequestHead(out: WireBuffer, head: RequestHead, keepAlive: boolean): void {
  out.line(head.method, head.target, "HTTP/1.1");
  out.field("Host", head.authority);
  out.fields(head.fields, head.framing === "length" ? head.contentLength : -1, head.block);
  if (head.framing === "chunked") out.field("Transfer-Encoding", "chunked");
  if (head.expectContinue) out.field("Expect", "100-continue");
  writeRequestOptions(out, head, keepAlive);
  out.line("");
}

/**
 * How a response's body is framed for a caller of this HTTP version: HTTP/1.0 knows no chunks, HTTP/1.1 needs
 * no close.
 */
export function framingFor(framing: BodyFraming, callerVersion: RequestHead["version"]): BodyFraming {
  if (framing === "chunked" && callerVersion === 0) return "close";
  return framing === "close" && callerVersion !== 0 ? "chunked" : framing;
}

function writeResponseOptions(
  out: WireBuffer,
  head: ResponseHead,
  callerVersion: number,
  keepAlive: boolean,
): void {
  if (head.status === 101) {
    out.field("Connection", "Upgrade");
    out.field("Upgrade", head.upgrade);
  } else if (head.status >= 200) {
    if (!keepAlive) out.field("Connection", "close");
    else if (callerVersion === 0) out.field("Connection", "keep-alive");
  }
}

/**
 * A response for a caller of `callerVersion`, always written as HTTP/1.1. Its body is framed as `framingFor`
 * says. `framing` "none" is for what never has a body (HEAD, 1xx, 204, 304): any other empty response must
 * say "length", 0. `keepAlive`: the connection takes another request; it does not when the framing is
 * "close".
 */
export function writeResponseHead(
  out: WireBuffer,
  head: ResponseHead,
  callerVersion: RequestHead["version"],
  keepAlive: boolean,
): void {
  const framing = framingFor(head.framing, callerVersion);
  out.line("HTTP/1.1", String(head.status), head.reason);
  if (framing === "none") out.fields(head.fields, undefined, head.block);
  else out.fields(head.fields, framing === "length" ? head.contentLength : -1, head.block);
  if (framing === "chunked") out.field("Transfer-Encoding", "chunked");
  writeResponseOptions(out, head, callerVersion, keepAlive && framing !== "close");
  out.line("");
}

/** The line before a chunk's data. No chunk is empty: that would end the body. */
export function writeChunkHeader(out: WireBuffer, length: number): void {
  out.line(length.toString(16));
}

/** What follows a chunk's data. */
export function writeChunkEnd(out: WireBuffer): void {
  out.line("");
}

/** The end of a chunked body. */
export function writeLastChunk(out: WireBuffer, trailers: FieldLines | undefined): void {
  out.line("0");
  if (trailers !== undefined) out.fields(trailers, undefined);
  out.line("");
}
