import type { JsonObject } from "@bufbuild/protobuf";
import type { RE2JS } from "re2js";
import { TYPE_URL_PREFIX } from "../../xds/proto/registry.ts";
import { CLUSTER, type DumpSource, DumpView, ENDPOINTS, type Entry, LISTENER, ROUTES } from "./dump-view.ts";

/** What of it is asked for, by the names of Envoy's query parameters. */
export interface DumpQuery {
  /** Only this list, such as `dynamic_active_clusters`; undefined: all. */
  readonly resource: string | undefined;
  /** Only resources of whose name this finds a part; undefined: all. */
  readonly name: RE2JS | undefined;
  readonly includeEndpoints: boolean;
}

/** A repeated field of one of Envoy's dump messages. */
interface List {
  readonly field: string;
  /** The message type of its items, inside the dump message. */
  readonly item: string;
  readonly entries: (view: DumpView) => Iterable<Entry>;
}

/** One of the messages that Envoy's dump consists of. */
interface Section {
  readonly message: string;
  /** State of the world types have one version for all. */
  readonly versioned?: string;
  readonly lists: readonly List[];
}

const CLUSTERS: Section = {
  message: "ClustersConfigDump",
  versioned: CLUSTER,
  lists: [
    { field: "static_clusters", item: "StaticCluster", entries: (view) => view.statics(CLUSTER, "cluster") },
    { field: "dynamic_active_clusters", item: "DynamicCluster", entries: (view) => view.clusters(true) },
    { field: "dynamic_warming_clusters", item: "DynamicCluster", entries: (view) => view.clusters(false) },
  ],
};
const ASSIGNMENTS: Section = {
  message: "EndpointsConfigDump",
  lists: [
    {
      field: "static_endpoint_configs",
      item: "StaticEndpointConfig",
      entries: (view) => view.ownEndpoints(),
    },
    {
      field: "dynamic_endpoint_configs",
      item: "DynamicEndpointConfig",
      entries: (view) => view.dynamics(ENDPOINTS, "endpoint_config"),
    },
  ],
};
const LISTENERS: Section = {
  message: "ListenersConfigDump",
  versioned: LISTENER,
  lists: [
    {
      field: "static_listeners",
      item: "StaticListener",
      entries: (view) => view.statics(LISTENER, "listener"),
    },
    { field: "dynamic_listeners", item: "DynamicListener", entries: (view) => view.listeners() },
  ],
};
const ROUTE_TABLES: Section = {
  message: "RoutesConfigDump",
  lists: [
    { field: "static_route_configs", item: "StaticRouteConfig", entries: (view) => view.inlineRoutes() },
    {
      field: "dynamic_route_configs",
      item: "DynamicRouteConfig",
      entries: (view) => view.dynamics(ROUTES, "route_config"),
    },
  ],
};
const SECTIONS = [CLUSTERS, ASSIGNMENTS, LISTENERS, ROUTE_TABLES];

/** What `?resource=` may name. */
export const DUMP_LISTS: readonly string[] = SECTIONS.flatMap(({ lists }) => lists.map(({ field }) => field));

/**
 * `/config_dump` as Envoy's (envoy.admin.v3.ConfigDump), so that what reads Envoy's reads this: resources as they were delivered,
 * under the version in use, with the last refusal of each. In pieces, since it may be large.
 */
export function* configDump(source: DumpSource, query: DumpQuery): Generator<string> {
  const view = new DumpView(source);
  yield '{\n"configs": [';
  yield* query.resource === undefined ? sections(view, query) : onlyList(view, query.resource, query.name);
  yield "\n]\n}\n";
}

function* sections(view: DumpView, { includeEndpoints, name }: DumpQuery): Generator<string> {
  yield `\n${indented({ "@type": dumpType("BootstrapConfigDump"), bootstrap: view.bootstrap() })}`;
  for (const section of SECTIONS) {
    if (section === ASSIGNMENTS && !includeEndpoints) continue;
    yield `,\n{\n"@type": "${dumpType(section.message)}"`;
    if (section.versioned !== undefined)
      yield `,\n"version_info": ${JSON.stringify(view.versionOf(section.versioned))}`;
    for (const { field, entries } of section.lists) yield* listed(field, named(entries(view), name));
    yield "\n}";
  }
}

/** An empty list is left out, as JSON of protos leaves it out. */
function* listed(field: string, entries: Iterable<Entry>): Generator<string> {
  let begun = false;
  for (const { json } of entries) {
    yield `${begun ? "," : `,\n"${field}": [`}\n${indented(json())}`;
    begun = true;
  }
  if (begun) yield "\n]";
}

function* onlyList(view: DumpView, resource: string, name: RE2JS | undefined): Generator<string> {
  let separator = "";
  for (const { message, lists } of SECTIONS) {
    for (const { field, item, entries } of lists) {
      if (field !== resource) continue;
      for (const { json } of named(entries(view), name)) {
        yield `${separator}\n${indented({ "@type": dumpType(`${message}.${item}`), ...json() })}`;
        separator = ",";
      }
    }
  }
}

function* named(entries: Iterable<Entry>, name: RE2JS | undefined): Generator<Entry> {
  for (const entry of entries) if (name?.matcher(entry.name).find() ?? true) yield entry;
}

function dumpType(message: string): string {
  return `${TYPE_URL_PREFIX}envoy.admin.v3.${message}`;
}

function indented(json: JsonObject): string {
  return JSON.stringify(json, undefined, 1);
}
