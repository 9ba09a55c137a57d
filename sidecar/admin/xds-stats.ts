import type { XdsStatus } from "../../xds/client/client-status.ts";
import { DASHPOT_SCOPE, type Labels, type Scope, type StatSheet } from "../telemetry/stat-sheet.ts";
import { rejectedResources } from "./rejected-resources.ts";

/** Envoy's name for the connection to the control plane. */
const CONTROL_PLANE: Scope = { dotted: "control_plane.", prefix: "envoy_control_plane_", labels: [] };
/** Names of gRFC A78, so that dashboards made for gRPC's xDS clients work. */
const XDS_CLIENT: Scope = { dotted: "grpc.xds_client.", prefix: "grpc_xds_client_", labels: [] };

/** Writes how the sidecar stands with its control plane on a sheet. */
export function writeXds(status: XdsStatus, sheet: StatSheet): void {
  const connected = status.servers.some(({ state }) => state === "connected");
  sheet.gauge(CONTROL_PLANE, "connected_state", connected ? 1 : 0);
  for (const { target, state, failures } of status.servers) {
    const labels: Labels = [["grpc_xds_server", target]];
    sheet.gauge(XDS_CLIENT, "connected", state === "connected" ? 1 : 0, labels, `connected.${target}`);
    sheet.counter(XDS_CLIENT, "server_failure", failures, labels, `server_failure.${target}`);
  }
  sheet.counter(XDS_CLIENT, "resource_updates_valid", status.counters.accepted);
  sheet.counter(XDS_CLIENT, "resource_updates_invalid", status.counters.rejected);
  for (const { typeUrl, resources } of status.types) {
    const type = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
    const labels: Labels = [["grpc_xds_resource_type", type]];
    sheet.gauge(XDS_CLIENT, "resources", resources.length, labels, `resources.${type}`);
  }
  sheet.gauge(DASHPOT_SCOPE, "xds_resources_rejected", rejectedResources(status).length);
  sheet.counter(DASHPOT_SCOPE, "xds_configurations", status.counters.configurations);
}
