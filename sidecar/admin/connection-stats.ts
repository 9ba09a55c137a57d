import type { CallerCounts } from "../proxy/index.ts";
import { DASHPOT_SCOPE, type StatSheet } from "../telemetry/stat-sheet.ts";

/** Writes how the sidecar stands with its bound on connections on a sheet. */
export function writeCallers(
  counts: CallerCounts & { readonly waitingConnections: number; readonly handshakes: number },
  sheet: StatSheet,
): void {
  sheet.gauge(DASHPOT_SCOPE, "downstream_cx_active", counts.downstreamConnections);
  sheet.gauge(DASHPOT_SCOPE, "downstream_cx_waiting", counts.waitingConnections);
  sheet.gauge(DASHPOT_SCOPE, "downstream_cx_handshaking", counts.handshakes);
  sheet.counter(DASHPOT_SCOPE, "downstream_cx_total", counts.acceptedConnections);
  sheet.counter(DASHPOT_SCOPE, "downstream_cx_overflow", counts.refusedConnections);
  sheet.counter(DASHPOT_SCOPE, "downstream_cx_reclaimed", counts.reclaimedConnections);
}
