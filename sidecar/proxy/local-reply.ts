import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import type { DirectResponseAction } from "../../xds/model/route-table.ts";
import type { FieldLines, ResponseHead } from "../codec/head.ts";

/** An answer that the proxy gives itself. */
export interface LocalReply {
  readonly head: ResponseHead;
  readonly body: Buffer;
}

/** RFC 9209 names the proxy that speaks. */
const PROXY_NAME = "dashpot";

const REASONS: ReadonlyMap<number, string> = new Map([
  [200, "OK"],
  [301, "Moved Permanently"],
  [302, "Found"],
  [303, "See Other"],
  [307, "Temporary Redirect"],
  [308, "Permanent Redirect"],
  [400, "Bad Request"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [408, "Request Timeout"],
  [413, "Content Too Large"],
  [414, "URI Too Long"],
  [417, "Expectation Failed"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "HTTP Version Not Supported"],
  [508, "Loop Detected"],
]);

/** gRPC's own mapping of HTTP statuses (http-grpc-status-mapping.md), but a deadline is told as a deadline. */
function grpcStatus(error: ProxyError, status: number): number {
  if (error.kind === ERRORS.routeTimeout || error.kind === ERRORS.perTryTimeout) return 4;
  return grpcStatusOfHttp(status);
}

function grpcStatusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    default:
      return status === 429 || status >= 502 ? 14 : 2;
  }
}

/** Field values hold visible ASCII only: a detail may carry names from configuration. */
function quoted(text: string): string {
  let safe = "";
  for (const character of text.slice(0, 200)) {
    const code = character.charCodeAt(0);
    if (character === '"' || character === "\\") safe += `\\${character}`;
    else safe += code >= 0x20 && code < 0x7f ? character : "?";
  }
  return `"${safe}"`;
}

/** gRPC percent-encodes what is not plain ASCII in a message (PROTOCOL-HTTP2.md). */
function grpcMessage(text: string): string {
  return encodeURIComponent(text.slice(0, 200)).replaceAll("%20", " ");
}

function errorFields(error: ProxyError, flags: string): FieldLines {
  const { kind, detail } = error;
  const fields = [
    "Proxy-Status",
    `${PROXY_NAME}; error=${kind.proxyError}; details=${quoted(`${kind.code}: ${detail}`)}`,
  ];
  if (flags !== "") fields.push("x-envoy-response-flags", flags);
  if (kind === ERRORS.overflow) fields.push("x-envoy-overloaded", "true");
  return fields;
}

interface ReplyDetails {
  /** In place of the one that the error maps to. */
  readonly grpcStatus?: number | undefined;
  /** Envoy's flags, where they say more than the error's own. */
  readonly flags?: string;
}

/**
 * What a caller is told of a failure: the status, RFC 9209's `Proxy-Status`, Envoy's flag, and one line for people. A gRPC caller
 * gets trailers-only with a `grpc-status`: an HTTP error with a text body would reach its code as an unreadable UNKNOWN.
 */
export function errorReply(
  error: ProxyError,
  status: number,
  grpc: boolean,
  { grpcStatus: given, flags = error.kind.flag }: ReplyDetails = {},
): LocalReply {
  const fields = errorFields(error, flags);
  if (!grpc) return textReply(status, `${error.kind.code}: ${error.detail}\n`, fields);
  return trailersOnly(given ?? grpcStatus(error, status), `${error.kind.code}: ${error.detail}`, fields);
}

function trailersOnly(status: number, message: string, fields: FieldLines): LocalReply {
  fields.push("content-type", "application/grpc", "grpc-status", String(status));
  if (message !== "") fields.push("grpc-message", grpcMessage(message));
  return reply(200, fields, Buffer.alloc(0));
}

/** A route's own response. A gRPC caller gets it as gRPC, as from Envoy. */
export function directReply({ status, body }: DirectResponseAction, grpc: boolean): LocalReply {
  return grpc ? trailersOnly(grpcStatusOfHttp(status), body, []) : textReply(status, body, []);
}

/** The answer to a CONNECT whose tunnel stands (RFC 9110, 9.3.6). */
export function connectedHead(): ResponseHead {
  const fields: FieldLines = [];
  return {
    status: 200,
    reason: "OK",
    version: 1,
    fields,
    framing: "none",
    contentLength: -1,
    keepAlive: true,
    upgrade: "",
  };
}

export function textReply(status: number, text: string, fields: FieldLines): LocalReply {
  if (text !== "") fields.push("Content-Type", "text/plain");
  return reply(status, fields, Buffer.from(text, "utf8"));
}

export function bytesReply(status: number, type: string, body: Buffer): LocalReply {
  return reply(status, ["Content-Type", type], body);
}

function reply(status: number, fields: FieldLines, body: Buffer): LocalReply {
  // 204 and 304 have no body and say no length (RFC 9110, 8.6).
  const bodyless = status === 204 || status === 304;
  return {
    head: {
      status,
      reason: REASONS.get(status) ?? "",
      version: 1,
      fields,
      framing: bodyless ? "none" : "length",
      contentLength: bodyless ? -1 : body.length,
      keepAlive: true,
      upgrade: "",
    },
    body: bodyless ? Buffer.alloc(0) : body,
  };
}
