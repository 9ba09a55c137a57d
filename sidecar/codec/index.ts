/*
 * HTTP/1.1 on the wire, as RFC 9112 has it and nothing else. No sockets: bytes in, events out, and heads back to
 * bytes.
 *
 *   reader = new RequestReader({ limits, scheme, underscores }, sink)      one per downstream connection
 *   next = reader.read(chunk, 0)         at most one request is read; bytes from `next` on wait for another call
 *   reader.end()                         on the peer's FIN
 *
 *   reader = new ResponseReader(limits, sink)                              one per upstream connection
 *   reader.expect(head.method, head.upgrade)                               before each request is written
 *   next = reader.read(chunk, 0)         a byte left over is a tunnel's, or nobody asked for it
 *   reader.isReusable                    in and after onResponseEnd: may the connection go back to the pool?
 *
 *   writeRequestHead(out, head, keepAlive)                                 into a WireBuffer, which leaves as one write
 *   writeResponseHead(out, head, callerVersion, keepAlive)
 *   writeChunkHeader(out, n) + data + writeChunkEnd(out); writeLastChunk(out, trailers)
 *                                        where framingFor(head.framing, callerVersion) is "chunked"
 *
 * `read` must not be called from inside an event. An upgrade's or CONNECT's request ends with its head
 * (`onRequestEnd`); the tunnel's bytes are what the next `read` was not given.
 */
export { isAuthority } from "./authority.ts";
export type { Underscores } from "./field-lines.ts";
export { DEFAULT_LIMITS, type MessageLimits } from "./limits.ts";
export { type RequestOptions, RequestReader, type RequestSink } from "./request-reader.ts";
export { ResponseReader, type ResponseSink } from "./response-reader.ts";
export { WireBuffer } from "./wire-buffer.ts";
export {
  framingFor,
  writeChunkEnd,
  writeChunkHeader,
  writeLastChunk,
  writeRequestHead,
  writeResponseHead,
} from "./writer.ts";
