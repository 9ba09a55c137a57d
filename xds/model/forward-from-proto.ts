import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  RouteAction_UpgradeConfig_ConnectConfigSchema as ConnectConfigSchema,
  type RouteAction_HashPolicy as HashPolicyProto,
  type HedgePolicy,
  HedgePolicySchema,
  RouteAction_MaxStreamDurationSchema as MaxStreamDurationSchema,
  type RouteAction_RequestMirrorPolicy as MirrorPolicy,
  RouteAction_RequestMirrorPolicySchema as MirrorPolicySchema,
  type RouteAction as RouteActionProto,
  RouteActionSchema,
  RouteAction_UpgradeConfigSchema as UpgradeConfigSchema,
} from "../proto/gen/envoy/config/route/v3/route_components_pb.js";
import { clusterChoiceOf } from "./cluster-choice-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { headerNameOf } from "./header-match-from-proto.ts";
import { regexRewriteOf, runtimeFractionOf } from "./matcher-from-proto.ts";
import { retryPolicyOf } from "./retry-from-proto.ts";
import type { HashPolicy, RouteAction } from "./route-table.ts";
import { durationMs, textOf, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import { upgradeTypeOf } from "./upgrade-from-proto.ts";

const WRONG_UPSTREAM_PATH = "is not supported: the upstream would see another path";

const checkAction = fieldCheck(RouteActionSchema, {
  honoured: [
    "cluster",
    "cluster_header",
    "weighted_clusters",
    "cluster_not_found_response_code",
    "prefix_rewrite",
    "regex_rewrite",
    "host_rewrite_literal",
    "auto_host_rewrite",
    "host_rewrite_header",
    "timeout",
    "idle_timeout",
    "retry_policy",
    "request_mirror_policies",
    "priority",
    "max_grpc_timeout",
    "upgrade_configs",
    "max_stream_duration",
  ],
  partly: {
    hedge_policy: "warnings only: requests are not hedged",
    hash_policy: "by header, cookie, source address and query parameter; others give a warning",
  },
  refused: {
    cluster_specifier_plugin: "is not supported: name a cluster",
    inline_cluster_specifier_plugin: "is not supported: name a cluster",
    metadata_match: "is not supported: requests would go to other endpoints",
    path_rewrite_policy: WRONG_UPSTREAM_PATH,
    path_rewrite: WRONG_UPSTREAM_PATH,
    host_rewrite_path_regex: "is not supported: the upstream would see another host",
    host_rewrite: "is not supported: the upstream would see another host; use host_rewrite_literal",
  },
});
const checkMaxStreamDuration = fieldCheck(MaxStreamDurationSchema, {
  honoured: ["max_stream_duration", "grpc_timeout_header_max"],
});
const checkHedge = fieldCheck(HedgePolicySchema, {
  honoured: [],
  partly: { initial_requests: "only 1; more gives a warning" },
});
const checkMirror = fieldCheck(MirrorPolicySchema, {
  honoured: ["cluster", "runtime_fraction"],
  harmless: ["trace_sampled"],
});

const checkUpgrade = fieldCheck(UpgradeConfigSchema, {
  honoured: ["upgrade_type", "enabled"],
  partly: { connect_config: "a CONNECT ends here with it and without; its own fields give a warning" },
});
const checkConnect = fieldCheck(ConnectConfigSchema, { honoured: [] });

const DEFAULT_TIMEOUT_MS = 15_000;
const NOT_FOUND_STATUSES = [503, 404, 500] as const;
const PRIORITIES = ["default", "high"] as const;

/** What a route takes over from its virtual host and table where it says nothing itself. */
export interface Inherited {
  readonly mirrors: RouteAction["mirrors"];
}

/** Undefined after noting a problem. */
export function forwardOf(
  scope: Scope,
  action: RouteActionProto,
  inherited: Inherited,
): RouteAction | undefined {
  checkAction(scope, action);
  warnOfHedging(scope.at("hedge_policy"), action.hedgePolicy);
  const cluster = clusterChoiceOf(scope, action);
  const regexRewrite = regexRewriteOf(scope.at("regex_rewrite"), action.regexRewrite);
  if (action.prefixRewrite !== "" && action.regexRewrite !== undefined) {
    scope.at("regex_rewrite").error("cannot stand beside prefix_rewrite: only one of them may be set");
  }
  const timeoutMs = durationMs(scope, "timeout", action.timeout, DEFAULT_TIMEOUT_MS);
  const retryPolicy = retryPolicyOf(scope.at("retry_policy"), action.retryPolicy);
  if (retryPolicy !== undefined && timeoutMs > 0 && retryPolicy.perTryTimeoutMs > timeoutMs) {
    scope
      .at("retry_policy")
      .at("per_try_timeout")
      .warn("is longer than the route's timeout, so it never strikes");
  }
  const mirrors = mirrorsOf(scope.at("request_mirror_policies"), action.requestMirrorPolicies);
  const rest = {
    kind: "forward",
    clusterNotFoundStatus: wordOf(
      scope,
      "cluster_not_found_response_code",
      action.clusterNotFoundResponseCode,
      NOT_FOUND_STATUSES,
    ),
    prefixRewrite:
      action.prefixRewrite === "" ? undefined : textOf(scope, "prefix_rewrite", action.prefixRewrite),
    regexRewrite,
    hostRewrite: hostRewriteOf(scope, action),
    timeoutMs,
    idleTimeoutMs: durationMs(scope, "idle_timeout", action.idleTimeout, undefined),
    ...streamDurationsOf(scope, action),
    retryPolicy,
    hashPolicy: hashPoliciesOf(scope.at("hash_policy"), action.hashPolicy),
    mirrors: action.requestMirrorPolicies.length > 0 ? mirrors : inherited.mirrors,
    upgrades: new Map(
      action.upgradeConfigs.map((upgrade, index) => {
        const place = scope.at("upgrade_configs").at(index);
        checkUpgrade(place, upgrade);
        if (upgrade.connectConfig) checkConnect(place.at("connect_config"), upgrade.connectConfig);
        return [upgradeTypeOf(place, upgrade.upgradeType), upgrade.enabled ?? true];
      }),
    ),
    priority: wordOf(scope, "priority", action.priority, PRIORITIES),
  } as const;
  return cluster && { ...rest, cluster };
}

/** Requests are not hedged: whatever asks for it gives a warning. */
export function warnOfHedging(scope: Scope, policy: HedgePolicy | undefined): void {
  if (policy === undefined) return;
  checkHedge(scope, policy);
  if ((policy.initialRequests ?? 1) > 1)
    scope.at("initial_requests").warn("has no effect: one request starts");
}

export function mirrorsOf(scope: Scope, policies: readonly MirrorPolicy[]): RouteAction["mirrors"] {
  return policies.flatMap((policy, index) => {
    const place = scope.at(index);
    checkMirror(place, policy);
    if (policy.cluster === "") {
      if (policy.clusterHeader === "") place.at("cluster").error("is required");
      return [];
    }
    const fraction =
      policy.runtimeFraction === undefined
        ? ({ numerator: 100, denominator: 100 } as const)
        : runtimeFractionOf(place.at("runtime_fraction"), policy.runtimeFraction);
    return fraction ? [{ cluster: textOf(place, "cluster", policy.cluster), fraction }] : [];
  });
}

function hostRewriteOf(scope: Scope, { hostRewriteSpecifier }: RouteActionProto): RouteAction["hostRewrite"] {
  switch (hostRewriteSpecifier.case) {
    case "hostRewriteLiteral": {
      const value = textOf(scope, "host_rewrite_literal", hostRewriteSpecifier.value, "required");
      if (/[\s\0]/.test(value))
        scope.at("host_rewrite_literal").error("must not hold white space or control characters");
      return { kind: "literal", value };
    }
    case "hostRewriteHeader":
      return {
        kind: "header",
        header: headerNameOf(scope, "host_rewrite_header", hostRewriteSpecifier.value),
      };
    case "autoHostRewrite":
      return hostRewriteSpecifier.value.value ? { kind: "auto" } : undefined;
    default:
      return undefined;
  }
}

/** gRFC A31; `max_grpc_timeout` is the older spelling of `grpc_timeout_header_max`. */
function streamDurationsOf(
  scope: Scope,
  action: RouteActionProto,
): Pick<RouteAction, "maxStreamDurationMs" | "grpcTimeoutMaxMs"> {
  const limits = action.maxStreamDuration;
  const place = scope.at("max_stream_duration");
  if (limits !== undefined) checkMaxStreamDuration(place, limits);
  const grpcMax: readonly [Scope, string, Duration | undefined] =
    limits?.grpcTimeoutHeaderMax === undefined
      ? [scope, "max_grpc_timeout", action.maxGrpcTimeout]
      : [place, "grpc_timeout_header_max", limits.grpcTimeoutHeaderMax];
  return {
    maxStreamDurationMs: durationMs(place, "max_stream_duration", limits?.maxStreamDuration, undefined),
    grpcTimeoutMaxMs: durationMs(...grpcMax, undefined),
  };
}

function hashPoliciesOf(scope: Scope, policies: readonly HashPolicyProto[]): readonly HashPolicy[] {
  return policies
    .map((policy, index) => hashPolicyOf(scope.at(index), policy))
    .filter((policy) => policy !== undefined);
}

/** A kind of key that is not known yields none, as if the request lacked it (gRFC A42). */
function hashPolicyOf(scope: Scope, { policySpecifier, terminal }: HashPolicyProto): HashPolicy | undefined {
  switch (policySpecifier.case) {
    case "header": {
      const place = scope.at("header");
      if (policySpecifier.value.regexRewrite !== undefined) {
        place.at("regex_rewrite").error("is not supported: requests would hash to other endpoints");
      }
      return {
        kind: "header",
        name: headerNameOf(place, "header_name", policySpecifier.value.headerName),
        terminal,
      };
    }
    case "cookie": {
      const place = scope.at("cookie");
      const { name, ttl, path, attributes } = policySpecifier.value;
      if (attributes.length > 0) place.at("attributes").warn("is not supported and has no effect");
      const ttlMs = durationMs(place, "ttl", ttl, undefined);
      return {
        kind: "cookie",
        name: cookieNameOf(place, name),
        ttlMs,
        path: textOf(place, "path", path),
        terminal,
      };
    }
    case "connectionProperties":
      return policySpecifier.value.sourceIp ? { kind: "source_ip", terminal } : undefined;
    case "queryParameter":
      return {
        kind: "query",
        name: textOf(scope.at("query_parameter"), "name", policySpecifier.value.name, "required"),
        terminal,
      };
    default:
      scope.warn("has no effect: supported are header, cookie, connection_properties and query_parameter");
      return undefined;
  }
}

/** A cookie's name is a token too, but its case counts (RFC 6265 4.1.1). */
function cookieNameOf(scope: Scope, name: string): string {
  headerNameOf(scope, "name", name);
  return name;
}
