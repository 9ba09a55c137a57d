import type { DataSource } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import {
  DirectResponseActionSchema,
  type DirectResponseAction as DirectResponseProto,
  type RedirectAction as RedirectProto,
  type Route as RouteProto,
  RouteSchema,
} from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import { routeFaultOf } from "./fault-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { forwardOf, type Inherited } from "./forward-from-proto.ts";
import { headerMutationsOf, MUTATION_FIELDS } from "./headers-from-proto.ts";
import { regexRewriteOf } from "./matcher-from-proto.ts";
import { describeMatch, routeMatchOf } from "./route-match-from-proto.ts";
import type { DirectResponseAction, RedirectAction, Route } from "./route-table.ts";
import { inRange, portOf, textOf, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkRoute = fieldCheck(RouteSchema, {
  honoured: [
    "name",
    "match",
    "route",
    "redirect",
    "direct_response",
    "non_forwarding_action",
    "typed_per_filter_config",
    ...MUTATION_FIELDS,
  ],
  harmless: ["metadata", "decorator", "stat_prefix"],
  refused: { filter_action: "is not supported: use route, redirect or direct_response" },
});
const checkDirectResponse = fieldCheck(DirectResponseActionSchema, { honoured: ["status", "body"] });

/** What a route needs to know of its table and virtual host. */
export interface RouteSurroundings extends Inherited {
  readonly maxDirectResponseBodyBytes: number;
}

/** Undefined after noting a problem. */
export function routeOf(scope: Scope, message: RouteProto, around: RouteSurroundings): Route | undefined {
  checkRoute(scope, message);
  const match = routeMatchOf(scope.at("match"), message.match);
  const action = actionOf(scope, message, around);
  const mutations = headerMutationsOf(scope, message);
  const fault = routeFaultOf(scope.at("typed_per_filter_config"), message.typedPerFilterConfig);
  const name = textOf(scope, "name", message.name);
  return (
    match && action && { name: name === "" ? describeMatch(match) : name, match, action, ...mutations, fault }
  );
}

function actionOf(
  scope: Scope,
  { action }: RouteProto,
  around: RouteSurroundings,
): Route["action"] | undefined {
  switch (action.case) {
    case "route":
      return forwardOf(scope.at("route"), action.value, around);
    case "redirect":
      return redirectOf(scope.at("redirect"), action.value);
    case "directResponse":
      return directResponseOf(scope.at("direct_response"), action.value, around.maxDirectResponseBodyBytes);
    case "nonForwardingAction":
      // Meant for servers, which handle the request themselves (gRFC A36). A proxy has nothing to handle it with.
      scope.at("non_forwarding_action").warn("is answered with status 500: a proxy can only forward");
      return { kind: "direct_response", status: 500, body: "" };
    case "filterAction":
      return undefined;
    case undefined:
      scope.error("needs one of route, redirect, direct_response");
      return undefined;
  }
}

const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;

function redirectOf(scope: Scope, redirect: RedirectProto): RedirectAction {
  const scheme = redirect.schemeRewriteSpecifier;
  const path = redirect.pathRewriteSpecifier;
  return {
    kind: "redirect",
    https: scheme.case === "httpsRedirect" && scheme.value,
    scheme: scheme.case === "schemeRedirect" ? targetPart(scope, "scheme_redirect", scheme.value) : undefined,
    host: targetPart(scope, "host_redirect", redirect.hostRedirect),
    port:
      redirect.portRedirect === 0
        ? undefined
        : portOf(scope, "port_redirect", redirect.portRedirect, "refused"),
    path: path.case === "pathRedirect" ? targetPart(scope, "path_redirect", path.value) : undefined,
    prefixRewrite:
      path.case === "prefixRewrite" ? targetPart(scope, "prefix_rewrite", path.value) : undefined,
    regexRewrite:
      path.case === "regexRewrite" ? regexRewriteOf(scope.at("regex_rewrite"), path.value) : undefined,
    status: wordOf(scope, "response_code", redirect.responseCode, REDIRECT_STATUSES),
    stripQuery: redirect.stripQuery,
  };
}

/** A piece of the Location header: no white space or control characters, which could start another header. Empty is unset. */
function targetPart(scope: Scope, field: string, text: string): string | undefined {
  textOf(scope, field, text);
  if (/[\s\0]/.test(text)) scope.at(field).error("must not hold white space or control characters");
  return text === "" ? undefined : text;
}

function directResponseOf(
  scope: Scope,
  message: DirectResponseProto,
  maxBytes: number,
): DirectResponseAction {
  checkDirectResponse(scope, message);
  const status = inRange(scope, "status", message.status, { min: 200, max: 599 }, 500);
  const body = inlineText(scope.at("body"), message.body);
  const bytes = Buffer.byteLength(body);
  if (bytes > maxBytes) {
    scope
      .at("body")
      .error(`is ${bytes} bytes long; at most ${maxBytes} are allowed (max_direct_response_body_size_bytes)`);
  }
  return { kind: "direct_response", status, body };
}

function inlineText(scope: Scope, source: DataSource | undefined): string {
  const specifier = source?.specifier;
  switch (specifier?.case) {
    case "inlineString":
      return specifier.value;
    case "inlineBytes":
      return Buffer.from(specifier.value).toString();
    case "filename":
    case "environmentVariable":
      scope.error("must be inline_string or inline_bytes");
      return "";
    default:
      return "";
  }
}
