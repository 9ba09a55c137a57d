import type { RedirectAction } from "../../xds/model/route-table.ts";
import type { RequestHead } from "../codec/head.ts";
import { portStart } from "./domains.ts";
import type { TargetRewrite } from "./target-rewrite.ts";

const DEFAULT_PORT = { http: ":80", https: ":443" } as const;

/**
 * The request's host, without a port that is replaced or that belonged to the scheme which is left behind.
 */
function requestHost(head: RequestHead, scheme: string, newPort: string): string {
  const start = portStart(head.authority);
  const port = head.authority.slice(start);
  const leftBehind = scheme !== head.scheme && port === DEFAULT_PORT[head.scheme];
  return newPort !== "" || leftBehind ? head.authority.slice(0, start) : head.authority;
}

function target(action: RedirectAction, head: RequestHead, rewrite: TargetRewrite | undefined): string {
  const given = rewrite === undefined ? head.target : rewrite.apply(head.target);
  const question = given.indexOf("?");
  if (action.path === undefined) return action.stripQuery && question >= 0 ? given.slice(0, question) : given;
  // A query of the configured path is kept, and takes the place of the request's.
  const path = action.path.startsWith("/") ? action.path : `/${action.path}`;
  if (path.includes("?") || action.stripQuery || question < 0) return path;
  return path + given.slice(question);
}

/** A target as a reference to the same host. What begins with two slashes would name another one (RFC 3986, 4.2). */
export function pathReference(target: string): string {
  return target.startsWith("//") ? `/.${target}` : target;
}

/**
 * The `Location` of a redirect (RouteAction `redirect` in Envoy's route_components.proto). A caller that named no host, as HTTP/1.0
 * allows, gets a path alone where the route names none either: it knows whom it asked. Undefined: the redirect is to another scheme or
 * port of the host that was not named, which a path cannot say; it would lead the caller back here, for ever.
 */
export function redirectLocation(
  action: RedirectAction,
  head: RequestHead,
  rewrite: TargetRewrite | undefined,
): string | undefined {
  const scheme = action.scheme ?? (action.https ? "https" : head.scheme);
  const port = action.port === undefined ? "" : `:${action.port}`;
  const host = action.host ?? requestHost(head, scheme, port);
  const path = target(action, head, rewrite);
  if (host !== "") return `${scheme}://${host}${port}${path}`;
  return scheme === head.scheme && port === "" ? pathReference(path) : undefined;
}
