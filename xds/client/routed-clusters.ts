import type { RouteTable } from "../model/route-table.ts";

/** Tables are immutable and looked at on every configuration change, so each is walked once. */
const known = new WeakMap<RouteTable, ReadonlySet<string>>();

/** The clusters that a route table names, apart from those that a request header chooses. */
export function routedClusters(table: RouteTable): ReadonlySet<string> {
  const before = known.get(table);
  if (before !== undefined) return before;
  const clusters = new Set<string>();
  for (const { routes } of table.virtualHosts) {
    for (const { action } of routes) {
      if (action.kind !== "forward") continue;
      const choice = action.cluster;
      if (choice.kind === "cluster") clusters.add(choice.cluster);
      if (choice.kind === "weighted") for (const { cluster } of choice.clusters) clusters.add(cluster);
      for (const { cluster } of action.mirrors) clusters.add(cluster);
    }
  }
  known.set(table, clusters);
  return clusters;
}
