import type { Cluster } from "./cluster.ts";
import type { ClusterLoadAssignment } from "./endpoint.ts";
import type { Listener } from "./listener.ts";
import type { RouteTable } from "./route-table.ts";

/** A resource in use, and where it came from. `value` keeps its identity while its content does not change. */
export interface Versioned<T> {
  readonly value: T;
  /** `static`, or the control server's version of the response that brought it. */
  readonly version: string;
  /** Wall time in ms at which this content arrived. */
  readonly since: number;
}

/** A cluster that may be used: its endpoints are known, or their time to arrive is up (then there are none). */
export interface ClusterConfiguration {
  readonly cluster: Versioned<Cluster>;
  /** For `static` and `dns` the cluster's own; for `eds` the last good one. */
  readonly assignment: Versioned<ClusterLoadAssignment>;
}

/**
 * Everything the data plane works by: one immutable, consistent tree, replaced as a whole. It holds only what is warm:
 * listeners whose routes are there, clusters whose endpoints are there. Unchanged parts keep their identity, so that the
 * data plane applies a difference by comparing references, and identical configuration changes nothing.
 */
export interface Configuration {
  /** Grows by one with every replacement. */
  readonly generation: number;
  readonly listeners: ReadonlyMap<string, Versioned<Listener>>;
  /** By name; an inline table stands under the name `inline:<listener>`. */
  readonly routeTables: ReadonlyMap<string, Versioned<RouteTable>>;
  readonly clusters: ReadonlyMap<string, ClusterConfiguration>;
}

export const EMPTY_CONFIGURATION: Configuration = Object.freeze({
  generation: 0,
  listeners: new Map(),
  routeTables: new Map(),
  clusters: new Map(),
});
