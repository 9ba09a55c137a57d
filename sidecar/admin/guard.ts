import { createHash, timingSafeEqual } from "node:crypto";
import { isLocalHostHeader } from "../../xds/common/loopback.ts";

/** What the guard looks at of a request. */
export interface Visitor {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  /** The header `x-dashpot-admin`, which no page of another site can send. */
  readonly adminHeader: string | undefined;
}

export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/**
 * Who may ask the admin interface. It listens where only this host reaches it, but a browser on this host runs pages of the whole world:
 * they must not get in by a name that was rebound to loopback (the Host rule), read across origins, or send a form (the rules for
 * POST).
 *
 * @param token the bearer token that every request must carry; empty: none is asked for.
 */
export function refusalOf(visitor: Visitor, token: string): Refusal | undefined {
  const { method, host, origin } = visitor;
  if (host === undefined || host === "") return { status: 400, reason: "the Host header is missing" };
  if (token === "" && !isLocalHostHeader(host)) {
    const reason = `Host must be localhost or an IP address, not ${JSON.stringify(host.slice(0, 100))}`;
    return { status: 403, reason };
  }
  if (token !== "" && !sameSecret(visitor.authorization ?? "", `Bearer ${token}`)) {
    return { status: 401, reason: "send the admin token: Authorization: Bearer TOKEN" };
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return { status: 403, reason: "pages of other origins may not use the admin interface" };
  }
  if (method === "GET" || method === "HEAD") return undefined;
  if (method !== "POST")
    return { status: 405, reason: `${method.slice(0, 20)} is not used here; GET reads, POST changes` };
  const json = /^application\/json\s*(;|$)/i.test(visitor.contentType ?? "");
  if (json || visitor.adminHeader !== undefined) return undefined;
  return {
    status: 415,
    reason:
      "a POST needs the header 'content-type: application/json' or 'x-dashpot-admin: 1', which no foreign page can send",
  };
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function sameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
