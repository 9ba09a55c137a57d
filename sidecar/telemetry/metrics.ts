import { ERRORS } from "../../xds/common/errors.ts";
import type { BalancerEvent } from "../balancing/balancer.ts";
import { PICK_REASON_NAMES } from "../balancing/evidence.ts";
import { OUTCOME } from "../balancing/outcome.ts";
import type { AttemptFacts, ExchangeFacts } from "./facts.ts";
import { DurationHistogram } from "./histogram.ts";
import { wasCancelled } from "./verdict.ts";

/** Names are Envoy's; what each counts is what Envoy counts. Values are indexes of `ClusterMetrics.counters`. */
export const CLUSTER_COUNTERS = [
  "upstream_rq_total",
  "upstream_rq_completed",
  "upstream_rq_retry",
  "upstream_rq_retry_success",
  "upstream_rq_timeout",
  "upstream_rq_per_try_timeout",
  "upstream_rq_rx_reset",
  "upstream_rq_tx_reset",
  "upstream_cx_none_healthy",
] as const;
type ClusterCounter = (typeof CLUSTER_COUNTERS)[number];

export const LISTENER_COUNTERS = [
  "downstream_rq_total",
  "downstream_rq_completed",
  "downstream_rq_rx_reset",
  "no_route",
] as const;
type ListenerCounter = (typeof LISTENER_COUNTERS)[number];

export const BALANCER_EVENTS: readonly BalancerEvent["kind"][] = [
  "suspected",
  "ejected",
  "probation",
  "returned",
  "panic_entered",
  "panic_left",
  "weights_updated",
];

const STATUSES = 600;

/** Counts of one cluster, by attempt. */
class ClusterMetrics {
  readonly counters = new Float64Array(CLUSTER_COUNTERS.length);
  /** By response status; 0: none came. */
  readonly statuses = new Float64Array(STATUSES);
  /** By pick reason. */
  readonly picks = new Float64Array(PICK_REASON_NAMES.length);
  /** By kind of balancer event. */
  readonly events = new Float64Array(BALANCER_EVENTS.length);
  /** `http.client.request.duration`. */
  readonly duration = new DurationHistogram();

  count(name: ClusterCounter): void {
    this.counters[CLUSTER_COUNTERS.indexOf(name)]!++;
  }
}

/** Counts of one listener, by request. */
class ListenerMetrics {
  readonly counters = new Float64Array(LISTENER_COUNTERS.length);
  readonly statuses = new Float64Array(STATUSES);
  /** `http.server.request.duration`. */
  readonly duration = new DurationHistogram();

  count(name: ListenerCounter): void {
    this.counters[LISTENER_COUNTERS.indexOf(name)]!++;
  }
}

/** Where counts go once there are too many names. */
const OTHER = "_other";

/**
 * Every counter of the data path. Counting touches typed arrays only. Names come from configuration that others send, so their number is
 * bounded: those beyond it share one entry.
 */
export class Metrics {
  readonly clusters = new Map<string, ClusterMetrics>();
  readonly listeners = new Map<string, ListenerMetrics>();
  readonly #maxNames: number;
  /** Exchanges that came without trace context: where they are many, the application does not pass it on. */
  roots = 0;
  exchanges = 0;

  /** @param maxNames clusters, and listeners, with counters of their own. Default 1 000. */
  constructor(maxNames = 1_000) {
    this.#maxNames = maxNames;
  }

  countExchange(facts: ExchangeFacts): void {
    this.exchanges++;
    if (facts.trace.parentSpanId === "") this.roots++;
    const listener = this.#listener(facts.listener);
    listener.count("downstream_rq_total");
    listener.statuses[statusIndex(facts.status)]!++;
    listener.duration.record(facts.endedAt - facts.startedAt);
    if (facts.error?.kind === ERRORS.noRoute) listener.count("no_route");
    if (wasCancelled(facts)) listener.count("downstream_rq_rx_reset");
    else listener.count("downstream_rq_completed");
    const { attempts } = facts;
    if (attempts.length === 0) return;
    const cluster = this.#cluster(facts.cluster);
    for (let i = 0; i < attempts.length; i++) countAttempt(cluster, attempts[i] as AttemptFacts);
    if (attempts.length > 1 && attempts.at(-1)!.outcome === OUTCOME.success) {
      cluster.count("upstream_rq_retry_success");
    }
  }

  countEvent(clusterName: string, kind: BalancerEvent["kind"]): void {
    const index = BALANCER_EVENTS.indexOf(kind);
    if (index >= 0) this.#cluster(clusterName).events[index]!++;
  }

  #cluster(name: string): ClusterMetrics {
    return this.clusters.get(name) ?? this.#added(this.clusters, name, ClusterMetrics);
  }

  #listener(name: string): ListenerMetrics {
    return this.listeners.get(name) ?? this.#added(this.listeners, name, ListenerMetrics);
  }

  #added<T>(entries: Map<string, T>, name: string, Entry: new () => T): T {
    const key = entries.size < this.#maxNames ? name : OTHER;
    const entry = entries.get(key) ?? new Entry();
    entries.set(key, entry);
    return entry;
  }
}

function countAttempt(cluster: ClusterMetrics, attempt: AttemptFacts): void {
  const { outcome, evidence, error } = attempt;
  if (attempt.address === "") {
    cluster.count("upstream_cx_none_healthy");
    return;
  }
  cluster.count("upstream_rq_total");
  cluster.picks[evidence.reason]!++;
  cluster.statuses[statusIndex(attempt.status)]!++;
  cluster.duration.record(attempt.endedAt - attempt.startedAt);
  if (attempt.status > 0) cluster.count("upstream_rq_completed");
  if (attempt.number > 0) cluster.count("upstream_rq_retry");
  if (outcome === OUTCOME.success) return;
  if (outcome === OUTCOME.reset) cluster.count("upstream_rq_rx_reset");
  else if (outcome === OUTCOME.cancelled) cluster.count("upstream_rq_tx_reset");
  else if (error?.kind === ERRORS.perTryTimeout) cluster.count("upstream_rq_per_try_timeout");
  else if (outcome === OUTCOME.timeout) cluster.count("upstream_rq_timeout");
}

function statusIndex(status: number): number {
  return status > 0 && status < STATUSES ? status : 0;
}
