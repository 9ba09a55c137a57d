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

/** A request target's parts as they may be shown. */
export interface ShownTarget {
  readonly path: string;
  /** Without the question mark, secrets replaced; empty: none. */
  readonly query: string;
}

/** Longest path and query that are kept: they come from anybody. */
const LONGEST_PART = 1_024;

export function shownTarget(target: string): ShownTarget {
  const start = pathStart(target);
  const mark = target.indexOf("?", start);
  const path = target.slice(start, mark < 0 ? undefined : mark).slice(0, LONGEST_PART);
  return { path: path === "" ? "/" : path, query: mark < 0 ? "" : shownQuery(target.slice(mark + 1)) };
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
    .slice(0, LONGEST_PART)
    .split("&")
    .map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 0 || !SECRET_PARAMETERS.has(pair.slice(0, equals).toLowerCase())) return pair;
      return `${pair.slice(0, equals)}=REDACTED`;
    })
    .join("&");
}
