import type { ExchangeFacts } from "./facts.ts";

/**
 * Query parameters whose values grant access: those of OpenTelemetry's HTTP conventions (signed URLs of the large clouds), and the
 * usual names of tokens. Compared without case.
 */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  "x-amz-signature",
  "x-amz-credential",
  "x-amz-security-token",
  "awsaccesskeyid",
  "signature",
  "sig",
  "x-goog-signature",
  "access_token",
  "id_token",
  "refresh_token",
  "token",
  "api_key",
  "apikey",
  "key",
  "password",
  "secret",
  "client_secret",
  "code",
]);

/** What a request says of itself, as it may be shown: secrets are replaced, and no text is longer than the bound. */
export interface ShownRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** Without the question mark; empty: none. */
  readonly query: string;
  readonly userAgent: string;
  readonly requestId: string;
  /** For what else may hold a caller's text, such as the detail of an error. */
  shorten(text: string): string;
}

/** Default of `longest`, in characters. */
export const LONGEST_TEXT = 1_024;

/** @param longest of each text, in characters: they come from anybody. */
export function shownRequest(facts: ExchangeFacts, longest = LONGEST_TEXT): ShownRequest {
  const { target } = facts;
  const start = pathStart(target);
  const mark = target.indexOf("?", start);
  const shorten = (text: string): string => shortened(text, longest);
  return {
    method: shorten(facts.method),
    authority: shorten(facts.authority),
    path: shorten(target.slice(start, mark < 0 ? undefined : mark)) || "/",
    query: mark < 0 ? "" : shownQuery(shorten(target.slice(mark + 1))),
    userAgent: shorten(facts.userAgent),
    requestId: shorten(facts.requestId),
    shorten,
  };
}

/** A text that was cut says so by its end. */
function shortened(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

/** Past `http://user:secret@host` of an absolute-form target. */
function pathStart(target: string): number {
  const scheme = target.startsWith("/") ? -1 : target.indexOf("://");
  if (scheme < 0) return 0;
  const slash = target.indexOf("/", scheme + 3);
  return slash < 0 ? target.length : slash;
}

function shownQuery(query: string): string {
  return query
    .split("&")
    .map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 0 || !SECRET_PARAMETERS.has(pair.slice(0, equals).toLowerCase())) return pair;
      return `${pair.slice(0, equals)}=REDACTED`;
    })
    .join("&");
}
