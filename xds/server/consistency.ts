import { childPath, joinPaths } from "../common/field-path.ts";
import { describe } from "../common/fields.ts";
import { didYouMean } from "../common/nearest-name.ts";
import type { Cluster } from "../model/cluster.ts";
import { type ClusterLoadAssignment, endpointAddress } from "../model/endpoint.ts";
import type { Listener } from "../model/listener.ts";
import type { RouteTable } from "../model/route-table.ts";

/** A resource under its name, with a way to note a problem at a path inside it. */
export interface Named<T> {
  readonly name: string;
  readonly value: T;
  readonly report: (severity: "error" | "warning", path: string, reason: string) => void;
}

export interface ResourceSet {
  readonly clusters: readonly Named<Cluster>[];
  readonly assignments: readonly Named<ClusterLoadAssignment>[];
  readonly listeners: readonly Named<Listener>[];
  readonly routeTables: readonly Named<RouteTable>[];
}

/**
 * What no single resource can tell: names that are used twice and names that lead nowhere. A client would wait for a missing
 * resource until its timeout and then serve errors, so a set with a dangling reference is not served at all.
 */
export function checkConsistency(set: ResourceSet): void {
  const clusters = uniqueNames(set.clusters, "cluster");
  const assignments = uniqueNames(set.assignments, "endpoint assignment");
  const routeTables = uniqueNames(set.routeTables, "route configuration");
  uniqueNames(set.listeners, "listener");
  checkAddresses(set.listeners);

  const usedAssignments = new Set<string>();
  for (const { value, report } of set.clusters) {
    if (value.discovery.kind !== "eds") continue;
    const name = value.discovery.serviceName || value.name;
    usedAssignments.add(name);
    if (assignments.has(name)) continue;
    report("error", "eds_cluster_config", `no endpoint assignment is named ${quoted(name, assignments)}`);
  }
  for (const { name, report } of set.assignments) {
    if (!usedAssignments.has(name))
      report("warning", "", `no cluster uses the endpoint assignment ${describe(name)}`);
  }
  const usedTables = new Set<string>();
  for (const { value, report } of set.listeners) {
    if (value.filter.kind === "tcp") {
      for (const { cluster } of value.filter.clusters) {
        if (!clusters.has(cluster))
          report("error", "filter_chains", `no cluster is named ${quoted(cluster, clusters)}`);
      }
    } else if (value.filter.routes.kind === "inline") {
      checkRoutes(value.filter.routes.table, clusters, (_, reason) =>
        report("error", "filter_chains", reason),
      );
    } else {
      const { name } = value.filter.routes;
      usedTables.add(name);
      if (routeTables.has(name)) continue;
      report("error", "filter_chains", `no route configuration is named ${quoted(name, routeTables)}`);
    }
  }
  for (const { name, value, report } of set.routeTables) {
    if (!usedTables.has(name))
      report("warning", "", `no listener uses the route configuration ${describe(name)}`);
    checkRoutes(value, clusters, (path, reason) => report("error", path, reason));
  }
}

function quoted(name: string, known: ReadonlySet<string>): string {
  return `${describe(name)}${didYouMean(name, known)}`;
}

function uniqueNames(resources: readonly Named<unknown>[], what: string): Set<string> {
  const names = new Set<string>();
  for (const { name, report } of resources) {
    if (names.has(name)) report("error", "name", `a ${what} named ${describe(name)} is there already`);
    names.add(name);
  }
  return names;
}

function checkAddresses(listeners: readonly Named<Listener>[]): void {
  const seen = new Map<string, string>();
  for (const { name, value, report } of listeners) {
    if (!value.address) continue;
    const address = endpointAddress(value.address.host, value.address.port);
    const other = seen.get(address);
    if (other !== undefined) {
      report("error", "address", `${address} is the address of the listener ${describe(other)} already`);
    }
    seen.set(address, name);
  }
}

function checkRoutes(
  table: RouteTable,
  clusters: ReadonlySet<string>,
  report: (path: string, reason: string) => void,
): void {
  for (const [i, virtualHost] of table.virtualHosts.entries()) {
    for (const [j, { action }] of virtualHost.routes.entries()) {
      if (action.kind !== "forward") continue;
      const names =
        action.cluster.kind === "cluster"
          ? [action.cluster.cluster]
          : action.cluster.kind === "weighted"
            ? action.cluster.clusters.map(({ cluster }) => cluster)
            : [];
      for (const name of [...names, ...action.mirrors.map(({ cluster }) => cluster)]) {
        if (clusters.has(name)) continue;
        const path = joinPaths(childPath("virtual_hosts", i), childPath("routes", j));
        report(path, `no cluster is named ${quoted(name, clusters)}`);
      }
    }
  }
}
