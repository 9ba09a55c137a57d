import type { ServerResponse } from "node:http";
import { plainJson } from "./plain-json.ts";

/** A request to the admin, as its handlers see it. */
export interface AdminRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query: URLSearchParams;
  /** The client would rather have HTML: a browser. */
  readonly wantsHtml: boolean;
  /** The parsed JSON body of a POST; undefined: there was none. */
  readonly body: unknown;
}

export interface AdminReply {
  readonly status: number;
  readonly type: string;
  /** An iterable is sent piece by piece, with other work done in between. */
  readonly body: string | Iterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Takes over the response and keeps it open: a stream. Returns what to do when the client leaves. */
export type AdminStream = (response: ServerResponse) => () => void;

export type AdminAnswer = AdminReply | { readonly stream: AdminStream };

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";
const HTML = "text/html; charset=utf-8";

export function textReply(body: string, status = 200): AdminReply {
  return { status, type: TEXT, body };
}

export function jsonReply(value: unknown, status = 200): AdminReply {
  return { status, type: JSON_TYPE, body: `${plainJson(value)}\n` };
}

export function jsonPieces(body: Iterable<string>): AdminReply {
  return { status: 200, type: JSON_TYPE, body };
}

export function htmlReply(body: string, status = 200): AdminReply {
  return { status, type: HTML, body };
}

/** A failure a person can act on, as JSON for programs. */
export function errorReply(status: number, reason: string): AdminReply {
  return jsonReply({ error: reason }, status);
}
