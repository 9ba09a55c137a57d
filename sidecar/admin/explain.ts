import type { ExplainRequest } from "../telemetry/explanation.ts";
import type { AdminRequest } from "./reply.ts";

/** Reads what is to be explained from the query or, for a POST, from the body; otherwise says what is wrong. */
export function explainRequestOf(request: AdminRequest): ExplainRequest | { readonly error: string } {
  const given = request.method === "POST" ? request.body : Object.fromEntries(request.query);
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return {
      error: 'the body must be an object such as {"method": "GET", "authority": "orders", "path": "/"}',
    };
  }
  const fields = new Map<string, unknown>(Object.entries(given));
  const method = fields.get("method") ?? "GET";
  const authority = fields.get("authority");
  const target = fields.get("path") ?? "/";
  const listener = fields.get("listener") ?? "";
  const headers = headersOf(fields.get("headers"));
  if (typeof method !== "string" || !/^[A-Za-z]{1,32}$/.test(method)) {
    return { error: "method must be one word of letters, such as GET" };
  }
  if (typeof authority !== "string" || authority === "" || authority.length > 1_024) {
    return { error: "authority is missing: the host that the request asks for, such as orders or orders:80" };
  }
  if (typeof target !== "string" || !target.startsWith("/") || target.length > 8_192) {
    return { error: "path must start with a slash" };
  }
  if (typeof listener !== "string") return { error: "listener must be a listener's name" };
  if (headers === undefined) return { error: 'headers must be an object of texts, such as {"x-user": "7"}' };
  return { method: method.toUpperCase(), authority, target, listener, headers };
}

function headersOf(given: unknown): [string, string][] | undefined {
  if (given === undefined) return [];
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== "string") return undefined;
    headers.push([name, value]);
  }
  return headers;
}
