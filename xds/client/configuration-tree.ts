import type { Cluster } from "../model/cluster.ts";
import type { ClusterConfiguration, Configuration, Versioned } from "../model/configuration.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import type { Listener, RouteSource } from "../model/listener.ts";
import type { RouteTable } from "../model/route-table.ts";
import { routedClusters } from "./routed-clusters.ts";

/** What the cache holds of one resource; `CacheEntry` is one. */
export interface Held<T> {
  readonly value: Versioned<T> | undefined;
  /** True once there is an answer of any kind, so that nobody has to wait for it any longer. */
  readonly settled: boolean;
}

/** The resources a configuration can be built from. Static ones win over dynamic ones of the same name, as in Envoy. */
export interface Resources {
  readonly listeners: readonly Versioned<Listener>[];
  readonly clusters: readonly Versioned<Cluster>[];
  readonly routeTable: (name: string) => Held<RouteTable> | undefined;
  readonly assignment: (name: string) => Held<ClusterLoadAssignment> | undefined;
  /** Wall time in ms, for what comes into being now. */
  readonly wall: number;
}

/** The next configuration, and the resources by name that it needs, each with how long to wait for it in ms (0: for ever). */
export interface Plan {
  /** The previous one itself when nothing in it changed. */
  readonly configuration: Configuration;
  readonly routeTables: ReadonlyMap<string, number>;
  readonly assignments: ReadonlyMap<string, number>;
  /** Clusters and listeners that wait for what they need, for display. */
  readonly warming: { readonly clusters: readonly string[]; readonly listeners: readonly string[] };
}

/**
 * Builds the configuration that follows `previous`. It is make-before-break throughout:
 *
 * - a cluster is used once its endpoints are there or the wait for them is over (then it has none);
 * - a listener is used once its routes are there or the wait for them is over (then it has none);
 * - a new version of either that still waits leaves the old one in use, with updates of the old one's own endpoints and routes;
 * - a route table that names a cluster still warming leaves the old table in use. Envoy would answer 503 in between; the order CDS,
 *   EDS, RDS does not prevent that, because the endpoints are asked for a round trip after the cluster came. The wait ends with the
 *   cluster's own.
 *
 * Parts that did not change are the previous objects.
 */
export function planConfiguration(previous: Configuration, resources: Resources): Plan {
  const clusters = planClusters(previous, resources);
  const unusable = clusters.warming.filter((name) => !clusters.clusters.has(name));
  const listeners = planListeners(previous, resources, new Set(unusable));
  const next = {
    listeners: share(previous.listeners, listeners.listeners),
    routeTables: share(previous.routeTables, listeners.routeTables),
    clusters: share(previous.clusters, clusters.clusters),
  };
  const unchanged =
    next.listeners === previous.listeners &&
    next.routeTables === previous.routeTables &&
    next.clusters === previous.clusters;
  return {
    configuration: unchanged ? previous : Object.freeze({ generation: previous.generation + 1, ...next }),
    routeTables: listeners.needs,
    assignments: clusters.needs,
    warming: { clusters: clusters.warming, listeners: listeners.warming },
  };
}

function planClusters(previous: Configuration, resources: Resources) {
  const clusters = new Map<string, ClusterConfiguration>();
  const needs = new Map<string, number>();
  const warming: string[] = [];
  const seen = new Set<string>();
  for (const cluster of resources.clusters) {
    const name = cluster.value.name;
    if (seen.has(name)) continue;
    seen.add(name);
    const old = previous.clusters.get(name);
    let next = withEndpoints(cluster, old, resources, needs);
    if (next === undefined) {
      warming.push(name);
      if (old !== undefined) next = withEndpoints(old.cluster, old, resources, needs) ?? old;
    }
    if (next !== undefined) clusters.set(name, next);
  }
  return { clusters, needs, warming };
}

/** The cluster with its endpoints, or undefined while they are awaited. What it needs by name is added to `needs`. */
function withEndpoints(
  cluster: Versioned<Cluster>,
  old: ClusterConfiguration | undefined,
  resources: Resources,
  needs: Map<string, number>,
): ClusterConfiguration | undefined {
  const { discovery } = cluster.value;
  if (discovery.kind !== "eds") {
    if (old?.cluster === cluster) return old;
    const { version, since } = cluster;
    return { cluster, assignment: { value: discovery.assignment, version, since } };
  }
  const name = discovery.serviceName;
  need(needs, name, discovery.initialFetchTimeoutMs);
  const held = resources.assignment(name);
  if (held === undefined || !held.settled) return undefined;
  const assignment = held.value ?? noEndpoints(name, old, resources.wall);
  return old?.cluster === cluster && old.assignment === assignment ? old : { cluster, assignment };
}

/** Stands in for endpoints that did not come: an empty assignment without a version. */
function noEndpoints(
  clusterName: string,
  old: ClusterConfiguration | undefined,
  since: number,
): Versioned<ClusterLoadAssignment> {
  const before = old?.assignment;
  if (before?.version === "" && before.value.clusterName === clusterName) return before;
  const value = {
    clusterName,
    localities: [],
    overprovisioningFactor: 140,
    drops: [],
  };
  return { value, version: "", since };
}

function planListeners(previous: Configuration, resources: Resources, warmingClusters: ReadonlySet<string>) {
  const listeners = new Map<string, Versioned<Listener>>();
  const routeTables = new Map<string, Versioned<RouteTable>>();
  const needs = new Map<string, number>();
  const warming: string[] = [];
  const seen = new Set<string>();
  for (const listener of resources.listeners) {
    const name = listener.value.name;
    if (seen.has(name)) continue;
    seen.add(name);
    const old = previous.listeners.get(name);
    if (useRoutes(listener, old)) {
      listeners.set(name, listener);
    } else {
      warming.push(name);
      if (old !== undefined && useRoutes(old, old)) listeners.set(name, old);
    }
  }
  return { listeners, routeTables, needs, warming };

  /** Puts the listener's routes into `routeTables`; false while they are awaited. */
  function useRoutes(listener: Versioned<Listener>, old: Versioned<Listener> | undefined): boolean {
    const { filter, name } = listener.value;
    if (filter.kind === "tcp") return true;
    const key = routeTableKey(name, filter.routes);
    const inUse = previous.routeTables.get(key);
    if (filter.routes.kind === "inline") {
      const { table } = filter.routes;
      if (old !== undefined && old !== listener && namesAny(table, warmingClusters)) return false;
      const { version, since } = listener;
      routeTables.set(key, inUse?.value === table ? inUse : { value: table, version, since });
      return true;
    }
    need(needs, key, filter.routes.initialFetchTimeoutMs);
    const held = resources.routeTable(key);
    if (held === undefined || !held.settled) return false;
    const wanted = held.value;
    const table = wanted && inUse && namesAny(wanted.value, warmingClusters) ? inUse : wanted;
    if (table !== undefined) routeTables.set(key, table);
    return true;
  }
}

/** The key of a listener's routes in `Configuration.routeTables`. */
function routeTableKey(listener: string, routes: RouteSource): string {
  return routes.kind === "rds" ? routes.name : `inline:${listener}`;
}

function namesAny(table: RouteTable, clusters: ReadonlySet<string>): boolean {
  return clusters.size > 0 && !routedClusters(table).isDisjointFrom(clusters);
}

/** Of several that need the same resource, the most patient decides; 0 is for ever. */
function need(needs: Map<string, number>, name: string, timeoutMs: number): void {
  const before = needs.get(name);
  if (before === undefined) needs.set(name, timeoutMs);
  else if (before !== 0) needs.set(name, timeoutMs === 0 ? 0 : Math.max(before, timeoutMs));
}

/** The previous map where the next holds the same objects under the same names. */
function share<V>(previous: ReadonlyMap<string, V>, next: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  if (previous.size !== next.size) return next;
  for (const [key, value] of next) if (previous.get(key) !== value) return next;
  return previous;
}
