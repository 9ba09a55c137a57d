import type { X509Certificate } from "node:crypto";
import type { SanMatcher, SanType } from "../../xds/model/tls.ts";
import { matchesString } from "../routing/index.ts";

export interface SubjectAltName {
  readonly type: SanType;
  readonly value: string;
}

const TYPES: ReadonlyMap<string, SanType> = new Map([
  ["DNS", "dns"],
  ["URI", "uri"],
  ["email", "email"],
  ["IP Address", "ip"],
]);

/**
 * The subject alternative names of a certificate. Node prints them as one text, names with unusual characters as JSON strings
 * (CVE-2021-44532 was read out of the commas): quoted names are unquoted, and one that holds a NUL is no name at all.
 */
export function subjectAltNames(certificate: X509Certificate): SubjectAltName[] {
  const names: SubjectAltName[] = [];
  const text = certificate.subjectAltName ?? "";
  let at = 0;
  while (at < text.length) {
    const colon = text.indexOf(":", at);
    if (colon < 0) break;
    const type = TYPES.get(text.slice(at, colon));
    const end = nameEnd(text, colon + 1);
    const raw = text.slice(colon + 1, end);
    const value = raw.startsWith('"') ? String(JSON.parse(raw)) : raw;
    if (type !== undefined && !value.includes("\0")) names.push({ type, value });
    at = end + 2;
  }
  return names;
}

function nameEnd(text: string, start: number): number {
  if (text[start] !== '"') {
    const comma = text.indexOf(", ", start);
    return comma < 0 ? text.length : comma;
  }
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

/** Does any matcher take any of the names? An exact DNS matcher also takes a wildcard that covers it (Envoy's rule). */
export function matchesSubject(matchers: readonly SanMatcher[], names: readonly SubjectAltName[]): boolean {
  return matchers.some(({ type, matcher }) =>
    names.some((name) => {
      if (name.type !== type) return false;
      if (type === "dns" && matcher.kind === "exact") return coversHost(name.value, matcher.value);
      return matchesString(matcher, name.value);
    }),
  );
}

/** RFC 9525, 6.3: `*` stands for the whole leftmost label and nothing else. */
export function coversHost(pattern: string, host: string): boolean {
  const [wanted, given] = [host.toLowerCase(), pattern.toLowerCase()];
  if (!given.startsWith("*.")) return wanted === given;
  const dot = wanted.indexOf(".");
  return dot > 0 && wanted.slice(dot) === given.slice(1);
}
