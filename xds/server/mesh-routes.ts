import type { JsonObject } from "@bufbuild/protobuf";
import { childPath } from "../common/field-path.ts";
import { Fields, type Item } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { defined, durationJson, type Origin, type Part } from "./mesh-draft.ts";
import { readHashOn } from "./mesh-hash.ts";
import { readMatch } from "./mesh-match.ts";
import { readRetries } from "./mesh-retries.ts";

const MAX_ROUTES = 10_000;
const REDIRECT_STATUSES = new Map([
  [301, "MOVED_PERMANENTLY"],
  [302, "FOUND"],
  [303, "SEE_OTHER"],
  [307, "TEMPORARY_REDIRECT"],
  [308, "PERMANENT_REDIRECT"],
]);

/** What routes need to know of the rest of the file. */
export interface RouteScope {
  /** The service whose routes these are. */
  readonly service: string;
  /** Whether it has endpoints of its own. */
  readonly hasEndpoints: boolean;
  /** Notes a problem when no service with endpoints and no cluster has this name. */
  readonly checkTarget: (name: string, path: string) => void;
  readonly problems: Problems;
}

/**
 * The keys of a service that say what is asked of it, as a VirtualHost. The first route that matches wins; what matches none
 * goes to the service's own endpoints.
 */
export function readVirtualHost(service: Fields, scope: RouteScope): Part {
  const defaults = {
    timeout: service.duration("timeout"),
    idleTimeout: service.duration("idle_timeout"),
    hashOn: readHashOn(service, scope.problems),
  };
  const retries = readRetries(service, scope.problems);
  const domains = service.strings("domains", 1_000);
  const items = service.list("routes", MAX_ROUTES) ?? [];
  const origins: Origin[] = [{ inResource: "", inFile: service.path }];
  if (domains) origins.push({ inResource: "domains", inFile: service.at("domains"), sameShape: true });
  const routes = items.map((item, index) => {
    origins.push({ inResource: `routes[${index}]`, inFile: item.path });
    return readRoute(item, defaults, scope, origins, `routes[${index}]`);
  });
  if (scope.hasEndpoints) {
    const route = forward({ cluster: scope.service }, defaults);
    routes.push({ match: { prefix: "/" }, route });
  } else if (items.length === 0) {
    scope.problems.error(service.path, 'needs "endpoints", or "routes" to other services');
  }
  if (domains?.length === 0) service.error("domains", "must name at least one domain");
  const json = defined({
    name: scope.service,
    domains: domains ?? [scope.service],
    routes,
    retry_policy: retries,
  });
  return { json, origins };
}

/** What a service says for all its routes, and a route for itself. */
interface Defaults {
  readonly timeout: number | undefined;
  readonly idleTimeout: number | undefined;
  readonly hashOn: JsonObject[] | undefined;
}

function forward(target: JsonObject, { timeout, idleTimeout, hashOn }: Defaults): JsonObject {
  return defined({
    ...target,
    timeout: timeout === undefined ? undefined : durationJson(timeout),
    idle_timeout: idleTimeout === undefined ? undefined : durationJson(idleTimeout),
    hash_policy: hashOn,
  });
}

function readRoute(
  { value, path }: Item,
  defaults: Defaults,
  scope: RouteScope,
  origins: Origin[],
  at: string,
): JsonObject {
  const fields = Fields.of(value, path, scope.problems);
  if (!fields) return {};
  const name = fields.string("name", 255);
  const match = readMatch(fields, scope.problems);
  const matchPath = childPath(path, "match");
  origins.push({ inResource: `${at}.match`, inFile: matchPath });
  origins.push({ inResource: `${at}.match.safe_regex.regex`, inFile: childPath(matchPath, "regex") });
  const redirect = readRedirect(fields);
  const respond = readResponse(fields);
  const own = {
    timeout: fields.duration("timeout") ?? defaults.timeout,
    idleTimeout: fields.duration("idle_timeout") ?? defaults.idleTimeout,
    hashOn: readHashOn(fields, scope.problems) ?? defaults.hashOn,
  };
  const retries = readRetries(fields, scope.problems);
  const rewrite = readRewrite(fields);
  const target = readTarget(fields, scope);
  const actions = ["service", "split", "redirect", "respond"].filter((key) => fields.has(key));
  if (actions.length > 1)
    fields.error(actions[1]!, `a route has one action, and "${actions[0]}" is there already`);
  if (actions.length === 0 && !scope.hasEndpoints) {
    scope.problems.error(
      path,
      'the service has no endpoints of its own: say "service", "split", "redirect" or "respond"',
    );
  }
  fields.close();
  const to = defined({ ...target, ...rewrite, retry_policy: retries });
  const route = redirect || respond ? undefined : forward(to, own);
  return defined({ name, match, route, redirect, direct_response: respond });
}

function readTarget(fields: Fields, scope: RouteScope): JsonObject {
  const service = fields.nonEmptyString("service", 255);
  if (service !== undefined) {
    scope.checkTarget(service, fields.at("service"));
    return { cluster: service };
  }
  const split = fields.mapping("split");
  if (!split) return { cluster: scope.service };
  const clusters = split.keys().map((name) => {
    scope.checkTarget(name, split.at(name));
    return { name, weight: split.integer(name, { min: 0, max: 1_000_000 }) ?? 0 };
  });
  if (clusters.reduce((sum, cluster) => sum + cluster.weight, 0) === 0) {
    fields.error("split", "at least one service needs a weight above 0");
  }
  return { weighted_clusters: { clusters } };
}

function readRewrite(fields: Fields): JsonObject {
  const rewrite = fields.mapping("rewrite");
  if (!rewrite) return {};
  const regex = rewrite.mapping("regex");
  if (rewrite.has("prefix") && regex)
    rewrite.error("regex", 'a path is rewritten by "prefix" or by "regex", not by both');
  const json = defined({
    prefix_rewrite: rewrite.string("prefix"),
    host_rewrite_literal: rewrite.nonEmptyString("host", 255),
    regex_rewrite: regex && {
      pattern: { regex: (regex.required("pattern") && regex.nonEmptyString("pattern")) || "." },
      substitution: regex.string("substitution") ?? "",
    },
  });
  regex?.close();
  rewrite.close();
  return json;
}

function readRedirect(fields: Fields): JsonObject | undefined {
  const redirect = fields.mapping("redirect");
  if (!redirect) return undefined;
  const status = redirect.integer("status", { min: 301, max: 308 }) ?? 301;
  const responseCode = REDIRECT_STATUSES.get(status);
  if (!responseCode)
    redirect.error("status", `must be one of ${[...REDIRECT_STATUSES.keys()].join(", ")}, not ${status}`);
  const json = defined({
    https_redirect: redirect.boolean("https"),
    host_redirect: redirect.nonEmptyString("host", 255),
    port_redirect: redirect.integer("port", { min: 1, max: 65_535 }),
    path_redirect: redirect.nonEmptyString("path"),
    prefix_rewrite: redirect.string("prefix"),
    strip_query: redirect.boolean("strip_query"),
    response_code: responseCode,
  });
  if (redirect.has("path") && redirect.has("prefix")) {
    redirect.error("prefix", 'a redirect changes the whole "path" or its "prefix", not both');
  }
  redirect.close();
  return json;
}

function readResponse(fields: Fields): JsonObject | undefined {
  const respond = fields.mapping("respond");
  if (!respond) return undefined;
  const status = respond.required("status") ? respond.integer("status", { min: 200, max: 599 }) : undefined;
  const body = respond.string("body", 4096);
  respond.close();
  return defined({ status: status ?? 503, body: body === undefined ? undefined : { inline_string: body } });
}
