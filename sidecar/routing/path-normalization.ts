import type { HttpFilter } from "../../xds/model/listener.ts";

export type PathRules = Pick<HttpFilter, "normalizePath" | "mergeSlashes" | "escapedSlashes">;

/** What becomes of a target before it is matched. */
export type NormalizedTarget =
  | { readonly verdict: "keep" | "reject" }
  /** `redirect`: the caller shall ask again (307) for what it should have written. */
  | { readonly verdict: "forward" | "redirect"; readonly target: string };

const KEEP: NormalizedTarget = Object.freeze({ verdict: "keep" });
const REJECT: NormalizedTarget = Object.freeze({ verdict: "reject" });

const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;
const QUESTION = 0x3f;

/**
 * Nothing in most paths could be normalised: no percent-encoding, and no slash before a dot or another slash.
 */
function isPlain(target: string): boolean {
  let before = 0;
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === QUESTION) return true;
    if (code === PERCENT || (before === SLASH && (code === DOT || code === SLASH))) return false;
    before = code;
  }
  return true;
}

/** Decodes what needs no encoding (RFC 3986, 6.2.2.2), so that two spellings of one path are one path. */
function decodeUnreserved(path: string): string {
  return path.replace(/%([0-9a-fA-F]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
  });
}

/** RFC 3986, 5.2.4. A path that climbs past its root stays there. */
function removeDotSegments(path: string): string {
  const segments: string[] = [];
  const given = path.slice(1).split("/");
  given.forEach((segment, i) => {
    const isDots = segment === "." || segment === "..";
    if (segment === "..") segments.pop();
    if (!isDots) segments.push(segment);
    else if (i === given.length - 1) segments.push("");
  });
  return `/${segments.join("/")}`;
}

/**
 * Brings a path into the one spelling that routes are written for, in Envoy's order: escaped slashes, RFC
 * 3986, double slashes. What a route matches must be what the upstream gets, or a rule can be walked round
 * with `/public/..%2fsecret`. An escaped backslash counts as an escaped slash, because URL parsers of
 * upstreams take it for one. The query is left alone.
 */
export function normalizeTarget(target: string, rules: PathRules): NormalizedTarget {
  if (!target.startsWith("/") || isPlain(target)) return KEEP;
  const question = target.indexOf("?");
  const given = question < 0 ? target : target.slice(0, question);
  let path = given;
  let redirects = false;
  if (rules.escapedSlashes !== "keep") {
    path = path.replace(/%2f|%5c/gi, "/");
    const found = path !== given;
    if (found && rules.escapedSlashes === "reject") return REJECT;
    redirects = found && rules.escapedSlashes === "unescape_and_redirect";
  }
  if (rules.normalizePath) path = removeDotSegments(decodeUnreserved(path));
  if (rules.mergeSlashes) path = path.replace(/\/{2,}/g, "/");
  if (path === given) return KEEP;
  return {
    verdict: redirects ? "redirect" : "forward",
    target: question < 0 ? path : path + target.slice(question),
  };
}
