import type { Fields } from "../../xds/common/fields.ts";
import type { HealthCheck } from "../../xds/model/cluster.ts";

const INTERVAL = { min: 10, max: 3_600_000 };
const THRESHOLD = { min: 1, max: 100 };

/** `health_check`, with Envoy's names: the intervals after a change are the usual one, and sidecars begin at times of their own. */
export function readHealthCheck(fields: Fields): HealthCheck | undefined {
  const check = fields.mapping("health_check");
  if (!check) return undefined;
  const intervalMs = check.duration("interval", INTERVAL) ?? 5_000;
  const read: HealthCheck = {
    timeoutMs: check.duration("timeout", INTERVAL) ?? 1_000,
    intervalMs,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    initialJitterMs: intervalMs,
    unhealthyThreshold: check.integer("unhealthy_threshold", THRESHOLD) ?? 2,
    healthyThreshold: check.integer("healthy_threshold", THRESHOLD) ?? 2,
    unhealthyIntervalMs: intervalMs,
    unhealthyEdgeIntervalMs: intervalMs,
    healthyEdgeIntervalMs: intervalMs,
    check: { kind: "tcp", send: new Uint8Array(), receive: [] },
  };
  check.close();
  return read;
}
