import type { LogLevel } from "../../xds/common/log-level.ts";
import type { ListenerView } from "../proxy/index.ts";
import type { BalancerEvents } from "../telemetry/balancer-events.ts";
import type { DecisionRing } from "../telemetry/decision-ring.ts";
import type { ExplainRequest, Explanation } from "../telemetry/explanation.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { EffectiveValue } from "../telemetry/otel-environment.ts";
import type { RecentTraffic } from "../telemetry/recent-traffic.ts";
import type { StatSheet } from "../telemetry/stat-sheet.ts";
import type { ClusterView } from "../upstream/upstream-cluster.ts";
import type { HeldCounts } from "./connection-stats.ts";
import type { DumpSource } from "./dump-view.ts";

export interface Identity {
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly version: string;
  /** Wall time in ms. */
  readonly startedAt: number;
}

/** Envoy's words for `/ready` and `/server_info`. */
export type ServerState = "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";

/** What the admin interface shows and what it may do: all it knows of the sidecar. */
export interface AdminSources extends DumpSource {
  readonly identity: Identity;
  /** LIVE: ports are bound and the first configuration is in use. */
  state(): ServerState;
  /** What keeps it from being LIVE at first, for people; empty: nothing. */
  missing(): string;
  clusters(): readonly ClusterView[];
  listeners(): readonly ListenerView[];
  callers(): HeldCounts;
  readonly decisions: DecisionRing;
  readonly events: BalancerEvents;
  readonly metrics: Metrics;
  readonly traffic: RecentTraffic;
  /** Every setting in force and where it comes from. */
  readonly settings: readonly EffectiveValue[];
  /** Where spans go; empty: nowhere. */
  readonly exportsTo: string;
  /** Statistics that only their owners know: span export, xDS, memory. */
  writeStats(sheet: StatSheet): void;
  explain(request: ExplainRequest): Explanation;
  /** Starts to drain listeners and returns at once. */
  drain(): void;
  /** Ends the process in good order, as SIGTERM would, and returns at once. */
  quit(): void;
  logLevel(): LogLevel;
  setLogLevel(level: LogLevel): void;
}
