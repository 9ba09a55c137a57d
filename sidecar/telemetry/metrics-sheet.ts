import { PICK_REASON_NAMES } from "../balancing/evidence.ts";
import { BALANCER_EVENTS, CLUSTER_COUNTERS, LISTENER_COUNTERS, type Metrics } from "./metrics.ts";
import {
  clusterScope,
  DASHPOT_SCOPE,
  httpScope,
  ownClusterScope,
  type Scope,
  type StatSheet,
} from "./stat-sheet.ts";

const PANIC = PICK_REASON_NAMES.indexOf("panic");
const EJECTED = BALANCER_EVENTS.indexOf("ejected");

/** Writes the data path's counters on a sheet. `statPrefix` gives a listener's configured prefix. */
export function writeMetrics(
  metrics: Metrics,
  statPrefix: (listener: string) => string,
  sheet: StatSheet,
): void {
  for (const [name, cluster] of metrics.clusters) {
    const scope = clusterScope(name);
    for (const [i, counter] of CLUSTER_COUNTERS.entries())
      sheet.counter(scope, counter, cluster.counters[i]!);
    writeStatuses("upstream_rq", scope, cluster.statuses, sheet);
    sheet.counter(scope, "lb_healthy_panic", cluster.picks[PANIC]!);
    for (const name of ["ejections_enforced_total", "ejections_total"])
      sheet.counter(scope, `outlier_detection.${name}`, cluster.events[EJECTED]!);
    sheet.histogramMs(scope, "upstream_rq_time", cluster.duration);
    const own = ownClusterScope(name);
    PICK_REASON_NAMES.forEach((reason, i) => {
      if (cluster.picks[i]! > 0)
        sheet.counter(own, "lb_pick", cluster.picks[i]!, [["reason", reason]], `lb_pick.${reason}`);
    });
    BALANCER_EVENTS.forEach((kind, i) => {
      if (cluster.events[i]! > 0)
        sheet.counter(own, "lb_event", cluster.events[i]!, [["kind", kind]], `lb_event.${kind}`);
    });
    sheet.histogram("http_client_request_duration_seconds", cluster.duration, [["dashpot_cluster", name]]);
  }
  for (const [name, listener] of metrics.listeners) {
    const prefix = statPrefix(name);
    const scope = httpScope(prefix);
    for (const [i, counter] of LISTENER_COUNTERS.entries())
      sheet.counter(scope, counter, listener.counters[i]!);
    writeStatuses("downstream_rq", scope, listener.statuses, sheet);
    sheet.histogramMs(scope, "downstream_rq_time", listener.duration);
    sheet.histogram("http_server_request_duration_seconds", listener.duration, [["dashpot_listener", name]]);
  }
  sheet.counter(DASHPOT_SCOPE, "requests", metrics.exchanges);
  sheet.counter(DASHPOT_SCOPE, "requests_without_trace_context", metrics.roots);
}

/** Envoy counts by class (`upstream_rq_2xx`) and by status (`upstream_rq_200`), and labels both in Prometheus. */
function writeStatuses(name: string, scope: Scope, statuses: Float64Array, sheet: StatSheet): void {
  for (let digit = 1; digit <= 5; digit++) {
    const total = statuses.subarray(digit * 100, digit * 100 + 100).reduce((a, b) => a + b, 0);
    sheet.counter(
      scope,
      `${name}_xx`,
      total,
      [["envoy_response_code_class", String(digit)]],
      `${name}_${digit}xx`,
    );
  }
  statuses.forEach((count, status) => {
    if (count === 0 || status === 0) return;
    sheet.counter(scope, name, count, [["envoy_response_code", String(status)]], `${name}_${status}`);
  });
}
