import { isMessage } from "@bufbuild/protobuf";
import { describe } from "../common/fields.ts";
import { HTTPFaultSchema } from "../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { RouterSchema } from "../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import type { HttpFilter as HttpFilterProto } from "../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { openAny } from "./any-from-proto.ts";
import { faultPolicyOf } from "./fault-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import type { FaultPolicy } from "./route-table.ts";
import { textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

const checkRouter = fieldCheck(RouterSchema, {
  honoured: [],
  harmless: [
    "dynamic_stats",
    "start_child_span",
    "upstream_log_options",
    "suppress_grpc_request_failure_code_stats",
  ],
});

/**
 * The chain of an HttpConnectionManager: fault filters, then the router, which must stand last and alone (gRFC A39). A filter
 * that is not known is refused unless it is optional: it may guard what follows.
 */
export function httpFiltersOf(scope: Scope, filters: readonly HttpFilterProto[]): FaultPolicy | undefined {
  const names = new Set<string>();
  let fault: FaultPolicy | undefined;
  filters.forEach((filter, index) => {
    const place = scope.at(index);
    textOf(place, "name", filter.name, "required");
    if (names.has(filter.name)) place.at("name").error(`${describe(filter.name)} stands twice in this chain`);
    names.add(filter.name);
    fault = filterOf(place, filter, index === filters.length - 1) ?? fault;
  });
  if (filters.length === 0)
    scope.error("must end with the router, envoy.extensions.filters.http.router.v3.Router");
  return fault;
}

function filterOf(scope: Scope, filter: HttpFilterProto, last: boolean): FaultPolicy | undefined {
  if (filter.configType.case === "configDiscovery") {
    scope.at("config_discovery").error("is not supported: give typed_config");
    return undefined;
  }
  const content = openAny(scope.at("typed_config"), filter.configType.value);
  if (content === undefined) return undefined;
  const message = content.kind === "message" ? content.message : undefined;
  if (isMessage(message, RouterSchema)) {
    checkRouter(content.scope, message);
    if (!last) scope.error("is the router, which must be the last filter");
    if (filter.disabled) scope.at("disabled").error("must not be set on the router");
    return undefined;
  }
  if (last)
    scope.error("must be the router, envoy.extensions.filters.http.router.v3.Router: it is the last filter");
  if (isMessage(message, HTTPFaultSchema)) {
    const fault = faultPolicyOf(content.scope, message);
    return filter.disabled ? undefined : fault;
  }
  const reason = `has the type ${content.type}, which is not supported as an HTTP filter`;
  if (filter.isOptional) scope.warn(`${reason} and, being optional, has no effect`);
  else if (filter.disabled) scope.warn(`${reason} and, being disabled, has no effect`);
  else scope.error(`${reason}; mark it is_optional if requests may pass without it`);
  return undefined;
}
