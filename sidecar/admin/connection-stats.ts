import type { CallerCounts } from "../proxy/index.ts";
import { DASHPOT_SCOPE, type StatSheet } from "../telemetry/stat-sheet.ts";

export interface HeldCounts extends CallerCounts {
  readonly waitingConnections: number;
  readonly handshakes: number;
  readonly mirrors: number;
  readonly mirrorsDropped: number;
}

/** Writes how the sidecar stands with its bounds on connections and on copies of requests on a sheet. */
export function writeCallers(counts: HeldCounts, sheet: StatSheet): void {
  sheet.gauge(DASHPOT_SCOPE, "downstream_cx_active", counts.downstreamConnections);
  sheet.gauge(DASHPOT_SCOPE, "downstream_cx_waiting", counts.waitingConnections);
  sheet.gauge(DASHPOT_SCOPE, "downstream_cx_handshaking", counts.handshakes);
  sheet.counter(DASHPOT_SCOPE, "downstream_cx_total", counts.acceptedConnections);
  sheet.counter(DASHPOT_SCOPE, "downstream_cx_overflow", counts.refusedConnections);
  sheet.counter(DASHPOT_SCOPE, "downstream_cx_reclaimed", counts.reclaimedConnections);
  sheet.gauge(DASHPOT_SCOPE, "mirrors_active", counts.mirrors);
  sheet.counter(DASHPOT_SCOPE, "mirrors_dropped", counts.mirrorsDropped);
}
