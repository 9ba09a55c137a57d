import { routedClusters } from "../../xds/client/routed-clusters.ts";
import { joinPaths } from "../../xds/common/field-path.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import type { Problems } from "../../xds/common/problem.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import { CLUSTER } from "../../xds/model/cluster-from-proto.ts";
import type { Listener } from "../../xds/model/listener.ts";
import { LISTENER } from "../../xds/model/listener-from-proto.ts";
import type { ModelContext, ResourceType } from "../../xds/model/resource-type.ts";
import { Bootstrap_StaticResourcesSchema } from "../../xds/proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { honouredFields, items, type Part } from "./bootstrap-part.ts";

/** A static resource and where it stands in the file. */
export interface Placed<T> {
  readonly value: T;
  readonly path: string;
  /** As it would come over xDS, for dumps. */
  readonly bytes: Uint8Array | undefined;
}

/** Static resources by name. */
export interface StaticResources {
  readonly listeners: ReadonlyMap<string, Placed<Listener>>;
  readonly clusters: ReadonlyMap<string, Placed<Cluster>>;
}

export const NO_STATIC_RESOURCES: StaticResources = { listeners: new Map(), clusters: new Map() };

/** Reads `static_resources` through the same model as what comes over xDS. */
export function readStaticResources(part: Part, context: ModelContext, problems: Problems): StaticResources {
  const fields = honouredFields(Bootstrap_StaticResourcesSchema, part, ["listeners", "clusters"], problems);
  return {
    listeners: readAll(LISTENER, fields.get("listeners"), context, problems),
    clusters: readAll(CLUSTER, fields.get("clusters"), context, problems),
  };
}

function readAll<T>(
  type: ResourceType<T>,
  part: Part | undefined,
  context: ModelContext,
  problems: Problems,
): ReadonlyMap<string, Placed<T>> {
  const found = new Map<string, Placed<T>>();
  for (const { value: json, path } of items(part, problems)) {
    const { name, value, problems: own } = type.fromJson(json, context);
    for (const problem of own) problems.found.push({ ...problem, path: joinPaths(path, problem.path) });
    if (value === undefined) continue;
    if (found.has(name))
      problems.error(`${path}.name`, `${JSON.stringify(name)} is used by ${found.get(name)!.path}`);
    else found.set(name, { value, path, bytes: type.encode(json).bytes });
  }
  return found;
}

/** A static resource as it would come over xDS; undefined: there is none of this type and name. */
export function staticContent(
  resources: StaticResources,
  typeUrl: string,
  name: string,
): Uint8Array | undefined {
  if (typeUrl === LISTENER.typeUrl) return resources.listeners.get(name)?.bytes;
  return typeUrl === CLUSTER.typeUrl ? resources.clusters.get(name)?.bytes : undefined;
}

/** What static resources refer to must be there, or come from a control server: a typo would only show as 503 otherwise. */
export function checkReferences(
  resources: StaticResources,
  dynamic: { readonly server: boolean; readonly clusters: boolean },
  problems: Problems,
): void {
  for (const { value, path } of resources.clusters.values()) {
    if (value.discovery.kind === "eds" && !dynamic.server) {
      problems.error(
        path,
        "gets its endpoints from a control server (type EDS), and dynamic_resources names none",
      );
    }
  }
  for (const { value, path } of resources.listeners.values()) {
    const { filter } = value;
    if (filter.kind === "http" && filter.routes.kind === "rds" && !dynamic.server) {
      problems.error(path, "gets its routes from a control server (rds), and dynamic_resources names none");
    }
    if (dynamic.clusters) continue;
    for (const cluster of clustersOf(value)) {
      if (resources.clusters.has(cluster)) continue;
      const near = didYouMean(cluster, resources.clusters.keys());
      problems.error(
        path,
        `routes to ${JSON.stringify(cluster)}, which is no cluster of static_resources${near}`,
      );
    }
  }
}

/** The model is silent about HTTP/2 in files, because to a control server it is spoken; to no other cluster. */
export function checkProtocols(resources: StaticResources, serverCluster: string, problems: Problems): void {
  for (const { value, path } of resources.clusters.values()) {
    if (value.protocol !== "http2" || value.name === serverCluster) continue;
    problems.warn(path, "asks for HTTP/2, which is not followed: requests go out as HTTP/1.1");
  }
}

function clustersOf({ filter }: Listener): Iterable<string> {
  if (filter.kind === "tcp") return new Set(filter.clusters.map(({ cluster }) => cluster));
  return filter.routes.kind === "inline" ? routedClusters(filter.routes.table) : [];
}
