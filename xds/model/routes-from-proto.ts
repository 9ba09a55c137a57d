import { describe } from "../common/fields.ts";
import {
  type VirtualHost as VirtualHostProto,
  VirtualHostSchema,
} from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "../proto/gen/envoy/config/route/v3/route_pb.js";
import { routeFaultOf } from "./fault-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { mirrorsOf, warnOfHedging } from "./forward-from-proto.ts";
import { headerMutationsOf, MUTATION_FIELDS } from "./headers-from-proto.ts";
import { resourceType } from "./reading.ts";
import { retryPolicyOf } from "./retry-from-proto.ts";
import { type RouteSurroundings, routeOf } from "./route-from-proto.ts";
import type { RouteTable, VirtualHost } from "./route-table.ts";
import { inRange, textOf, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkTable = fieldCheck(RouteConfigurationSchema, {
  honoured: [
    "name",
    "virtual_hosts",
    "max_direct_response_body_size_bytes",
    "request_mirror_policies",
    "ignore_port_in_host_matching",
    "most_specific_header_mutations_wins",
    "typed_per_filter_config",
    ...MUTATION_FIELDS,
  ],
  // Plugins matter where a route names one, and that route is refused.
  harmless: ["metadata", "cluster_specifier_plugins"],
  refused: {
    vhds: "is not supported: list the virtual hosts here",
    internal_only_headers:
      "is not supported: callers could send these headers; use request_headers_to_remove",
    vhost_header: "is not supported: requests would match other virtual hosts",
    ignore_path_parameters_in_path_matching: "is not supported: requests would match other routes",
  },
});
const checkVirtualHost = fieldCheck(VirtualHostSchema, {
  honoured: [
    "name",
    "domains",
    "routes",
    "require_tls",
    "typed_per_filter_config",
    "retry_policy",
    "per_request_buffer_limit_bytes",
    "request_body_buffer_limit",
    "request_mirror_policies",
    "include_request_attempt_count",
    "include_attempt_count_in_response",
    ...MUTATION_FIELDS,
  ],
  partly: { hedge_policy: "warnings only: requests are not hedged" },
  harmless: ["metadata", "virtual_clusters"],
  refused: { matcher: "is not supported: use routes" },
});

const DEFAULT_DIRECT_RESPONSE_BYTES = 4_096;
const TLS_REQUIREMENTS = ["none", "external_only", "all"] as const;
const DOMAIN = /^(\*|\*?[^\s*\0]+|[^\s*\0]+\*)$/;

export const ROUTE_CONFIGURATION = resourceType<typeof RouteConfigurationSchema, RouteTable>({
  schema: RouteConfigurationSchema,
  short: "rds",
  fullState: false,
  nameOf: (message) => message.name,
  read(scope, message) {
    textOf(scope, "name", message.name, "required");
    return routeTableOf(scope, message);
  },
});

/** Reads a table; one inside a listener may be without a name. */
export function routeTableOf(scope: Scope, message: RouteConfiguration): RouteTable {
  checkTable(scope, message);
  const maxDirectResponseBodyBytes = inRange(
    scope,
    "max_direct_response_body_size_bytes",
    message.maxDirectResponseBodySizeBytes,
    { min: 0 },
    DEFAULT_DIRECT_RESPONSE_BYTES,
  );
  const around: RouteSurroundings = {
    maxDirectResponseBodyBytes,
    mirrors: mirrorsOf(scope.at("request_mirror_policies"), message.requestMirrorPolicies),
  };
  const fault = routeFaultOf(scope.at("typed_per_filter_config"), message.typedPerFilterConfig);
  return {
    name: message.name,
    virtualHosts: withinRouteLimit(scope, message)
      ? virtualHostsOf(scope.at("virtual_hosts"), message.virtualHosts, around, fault)
      : [],
    ...headerMutationsOf(scope, message),
    ignorePortInHostMatching: message.ignorePortInHostMatching,
    mostSpecificMutationsWin: message.mostSpecificHeaderMutationsWins,
  };
}

function withinRouteLimit(scope: Scope, message: RouteConfiguration): boolean {
  const { routes: limit } = scope.context.limits;
  // A host without routes takes its place too.
  const routes = message.virtualHosts.reduce((sum, host) => sum + Math.max(1, host.routes.length), 0);
  if (routes > limit)
    scope.at("virtual_hosts").error(`holds ${routes} routes; at most ${limit} are accepted`);
  return routes <= limit;
}

function virtualHostsOf(
  scope: Scope,
  hosts: readonly VirtualHostProto[],
  around: RouteSurroundings,
  fault: VirtualHost["fault"],
): readonly VirtualHost[] {
  const names = new Set<string>();
  const domains = new Map<string, string>();
  return hosts.map((host, index) => {
    const place = scope.at(index);
    if (names.has(host.name)) place.at("name").error(`${describe(host.name)} stands twice in this table`);
    names.add(host.name);
    return virtualHostOf(place, host, domains, around, fault);
  });
}

function virtualHostOf(
  scope: Scope,
  message: VirtualHostProto,
  taken: Map<string, string>,
  table: RouteSurroundings,
  tableFault: VirtualHost["fault"],
): VirtualHost {
  checkVirtualHost(scope, message);
  warnOfHedging(scope.at("hedge_policy"), message.hedgePolicy);
  const mirrors = mirrorsOf(scope.at("request_mirror_policies"), message.requestMirrorPolicies);
  const around: RouteSurroundings = {
    ...table,
    mirrors: mirrors.length > 0 ? mirrors : table.mirrors,
  };
  const bodyLimit = message.requestBodyBufferLimit ?? message.perRequestBufferLimitBytes;
  return {
    name: textOf(scope, "name", message.name, "required"),
    domains: domainsOf(scope.at("domains"), message, taken),
    routes: message.routes
      .map((route, index) => routeOf(scope.at("routes").at(index), route, around))
      .filter((route) => route !== undefined),
    requireTls: wordOf(scope, "require_tls", message.requireTls, TLS_REQUIREMENTS),
    retryPolicy: retryPolicyOf(scope.at("retry_policy"), message.retryPolicy),
    ...headerMutationsOf(scope, message),
    fault: routeFaultOf(scope.at("typed_per_filter_config"), message.typedPerFilterConfig) ?? tableFault,
    requestBodyBufferLimitBytes:
      bodyLimit === undefined ? undefined : Math.min(Number(bodyLimit), Number.MAX_SAFE_INTEGER),
    attemptCountInRequest: message.includeRequestAttemptCount,
    attemptCountInResponse: message.includeAttemptCountInResponse,
  };
}

/** A domain belongs to one virtual host of the table, whatever its case. */
function domainsOf(
  scope: Scope,
  { name, domains }: VirtualHostProto,
  taken: Map<string, string>,
): readonly string[] {
  if (domains.length === 0) scope.error("must name at least one domain");
  return domains.map((domain, index) => {
    const place = scope.at(index);
    const folded = textOf(scope, index, domain).toLowerCase();
    if (!DOMAIN.test(domain)) {
      place.error('must be a host, "*.suffix", "prefix.*" or "*": one asterisk, at its start or end');
    }
    const owner = taken.get(folded);
    if (owner !== undefined)
      place.error(`${describe(folded)} already belongs to the virtual host ${describe(owner)}`);
    taken.set(folded, name);
    return folded;
  });
}
