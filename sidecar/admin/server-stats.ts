import { PROCESS_SCOPE, type Scope, type StatSheet } from "../telemetry/stat-sheet.ts";
import type { AdminSources, ServerState } from "./sources.ts";

/** Envoy's numbers for `server.state`. */
const STATES: Readonly<Record<ServerState, number>> = {
  LIVE: 0,
  DRAINING: 1,
  PRE_INITIALIZING: 2,
  INITIALIZING: 3,
};

const CLUSTERS: Scope = { dotted: "cluster_manager.", prefix: "envoy_cluster_manager_", labels: [] };
const LISTENERS: Scope = { dotted: "listener_manager.", prefix: "envoy_listener_manager_", labels: [] };

/** Memory of the process in bytes, under the names of Envoy's `admin.v3.Memory`. */
export interface Memory {
  readonly allocated: number;
  readonly heap_size: number;
  readonly total_physical_bytes: number;
}

export function memoryNow(): Memory {
  const { heapUsed, heapTotal, rss } = process.memoryUsage();
  return { allocated: heapUsed, heap_size: heapTotal, total_physical_bytes: rss };
}

/** Writes on a sheet what the process as a whole is and holds; `uptime` in seconds. */
export function writeServer(sources: AdminSources, uptime: number, sheet: StatSheet): void {
  const state = sources.state();
  const memory = memoryNow();
  sheet.gauge(PROCESS_SCOPE, "uptime", uptime);
  sheet.gauge(PROCESS_SCOPE, "live", state === "LIVE" ? 1 : 0);
  sheet.gauge(PROCESS_SCOPE, "state", STATES[state]);
  sheet.gauge(PROCESS_SCOPE, "concurrency", 1);
  sheet.gauge(PROCESS_SCOPE, "total_connections", sources.callers().downstreamConnections);
  sheet.gauge(PROCESS_SCOPE, "memory_allocated", memory.allocated);
  sheet.gauge(PROCESS_SCOPE, "memory_heap_size", memory.heap_size);
  sheet.gauge(PROCESS_SCOPE, "memory_physical_size", memory.total_physical_bytes);
  sheet.gauge(CLUSTERS, "active_clusters", sources.clusters().length);
  const bound = sources.listeners().filter((listener) => listener.bound !== undefined);
  sheet.gauge(LISTENERS, "total_listeners_active", bound.length);
}
