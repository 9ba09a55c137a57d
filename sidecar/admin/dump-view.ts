import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { ResourceStatus, TypeStatus, XdsStatus } from "../../xds/client/client-status.ts";
import type { Configuration, Versioned } from "../../xds/model/configuration.ts";
import { TYPE_URL_PREFIX } from "../../xds/proto/registry.ts";
import { resourceJson, withoutSecrets } from "../../xds/proto/resource-json.ts";

export const LISTENER = `${TYPE_URL_PREFIX}envoy.config.listener.v3.Listener`;
export const ROUTES = `${TYPE_URL_PREFIX}envoy.config.route.v3.RouteConfiguration`;
export const CLUSTER = `${TYPE_URL_PREFIX}envoy.config.cluster.v3.Cluster`;
export const ENDPOINTS = `${TYPE_URL_PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`;

/** What a dump is made of. */
export interface DumpSource {
  configuration(): Configuration;
  xdsStatus(): XdsStatus;
  /** Node, admin interface and control server, as Envoy's bootstrap has them. */
  bootstrap(): JsonObject;
  /** A resource as it was written or delivered; undefined: none is held. */
  contentOf(origin: "static" | "xds", typeUrl: string, name: string): Uint8Array | undefined;
}

/** One resource of a list; its content is made when it is written. */
export interface Entry {
  readonly name: string;
  readonly json: () => JsonObject;
}

/** One reading of everything that is configured, as the entries of Envoy's lists (envoy/admin/v3/config_dump_shared.proto). */
export class DumpView {
  readonly #source: DumpSource;
  readonly #configuration: Configuration;
  readonly #types: ReadonlyMap<string, TypeStatus>;
  readonly #warming: { readonly clusters: ReadonlySet<string>; readonly listeners: ReadonlySet<string> };

  constructor(source: DumpSource) {
    const { types, warming } = source.xdsStatus();
    this.#source = source;
    this.#configuration = source.configuration();
    this.#types = new Map(types.map((type) => [type.typeUrl, type]));
    this.#warming = { clusters: new Set(warming.clusters), listeners: new Set(warming.listeners) };
  }

  versionOf(typeUrl: string): string {
    return this.#types.get(typeUrl)?.version ?? "";
  }

  bootstrap(): JsonValue {
    const listed = (typeUrl: string, field: string) =>
      Array.from(this.statics(typeUrl, field), ({ json }) => {
        const { "@type": _, ...resource } = json()[field] as JsonObject;
        return resource;
      });
    const written = withoutSecrets(this.#source.bootstrap()) as JsonObject;
    const listeners = listed(LISTENER, "listener");
    const clusters = listed(CLUSTER, "cluster");
    return { ...written, static_resources: { listeners, clusters } };
  }

  *statics(typeUrl: string, field: string): Generator<Entry> {
    for (const [name, { since }] of this.#inUse(typeUrl, "static")) {
      yield {
        name,
        json: () => ({ [field]: this.#content("static", typeUrl, name), last_updated: time(since) }),
      };
    }
  }

  /** Those that are in use, or those that are not: they wait for their endpoints, or never were acceptable. */
  *clusters(active: boolean): Generator<Entry> {
    for (const resource of this.#resources(CLUSTER)) {
      const { name } = resource;
      const inUse = this.#configuration.clusters.get(name)?.cluster;
      const waits = this.#warming.clusters.has(name);
      if (active && inUse !== undefined && inUse.version !== "static") {
        yield { name, json: () => this.#dynamic(CLUSTER, "cluster", resource, waits ? inUse : undefined) };
      } else if (!active && (waits || inUse === undefined)) {
        yield { name, json: () => this.#dynamic(CLUSTER, "cluster", resource) };
      }
    }
  }

  *listeners(): Generator<Entry> {
    for (const resource of this.#resources(LISTENER)) {
      const { name, version, since, state } = resource;
      const inUse = this.#configuration.listeners.get(name);
      const waits = this.#warming.listeners.has(name);
      const newest = () => ({
        version_info: version,
        listener: this.#content("xds", LISTENER, name),
        ...(since === undefined ? {} : { last_updated: time(since) }),
      });
      const before = inUse && {
        version_info: inUse.version,
        listener: { "@type": LISTENER, name },
        last_updated: time(inUse.since),
      };
      yield {
        name,
        json: () => ({
          name,
          ...(inUse === undefined ? {} : { active_state: waits ? before! : newest() }),
          ...(waits ? { warming_state: newest() } : {}),
          ...failureOf(resource),
          client_status: state.toUpperCase(),
        }),
      };
    }
  }

  *dynamics(typeUrl: string, field: string): Generator<Entry> {
    for (const resource of this.#resources(typeUrl))
      yield { name: resource.name, json: () => this.#dynamic(typeUrl, field, resource) };
  }

  /** Tables that stand inside listeners. */
  *inlineRoutes(): Generator<Entry> {
    for (const [listener, { version, since }] of this.#configuration.listeners) {
      for (const table of inlineTables(this.#content(originOf(version), LISTENER, listener))) {
        const { name = "" } = table;
        const json = { route_config: { "@type": ROUTES, ...table }, last_updated: time(since) };
        yield { name: String(name), json: () => json };
      }
    }
  }

  /** Endpoints that stand inside clusters. */
  *ownEndpoints(): Generator<Entry> {
    for (const [name, { cluster }] of this.#configuration.clusters) {
      if (cluster.value.discovery.kind === "eds") continue;
      const json = () => {
        const { load_assignment: own } = this.#content(originOf(cluster.version), CLUSTER, name);
        const assignment = (own ?? { cluster_name: name }) as JsonObject;
        return { endpoint_config: { "@type": ENDPOINTS, ...assignment }, last_updated: time(cluster.since) };
      };
      yield { name, json };
    }
  }

  /** `before`: an older content is in use, of which no more is held than what was made of it. */
  #dynamic(
    typeUrl: string,
    field: string,
    resource: ResourceStatus,
    before?: Versioned<unknown>,
  ): JsonObject {
    const { name, version, since, state } = resource;
    const updated = before?.since ?? since;
    return {
      version_info: before?.version ?? version,
      [field]: before === undefined ? this.#content("xds", typeUrl, name) : nameOnly(typeUrl, name),
      ...(updated === undefined ? {} : { last_updated: time(updated) }),
      ...failureOf(resource),
      client_status: state.toUpperCase(),
    };
  }

  #resources(typeUrl: string): readonly ResourceStatus[] {
    return this.#types.get(typeUrl)?.resources ?? [];
  }

  *#inUse(typeUrl: string, version: string): Generator<[string, Versioned<unknown>]> {
    const { listeners, clusters } = this.#configuration;
    if (typeUrl === LISTENER) {
      for (const [name, listener] of listeners) if (listener.version === version) yield [name, listener];
    } else {
      for (const [name, { cluster }] of clusters) if (cluster.version === version) yield [name, cluster];
    }
  }

  #content(origin: "static" | "xds", typeUrl: string, name: string): JsonObject {
    const bytes = this.#source.contentOf(origin, typeUrl, name);
    const json = bytes && resourceJson(typeUrl, bytes);
    return json === undefined ? nameOnly(typeUrl, name) : { "@type": typeUrl, ...json };
  }
}

function originOf(version: string): "static" | "xds" {
  return version === "static" ? "static" : "xds";
}

function nameOnly(typeUrl: string, name: string): JsonObject {
  return { "@type": typeUrl, [typeUrl === ENDPOINTS ? "cluster_name" : "name"]: name };
}

/** The newest thing that went wrong and is not mended. */
function failureOf({ failure, state }: ResourceStatus): JsonObject {
  if (failure === undefined || state === "acked") return {};
  const { at, reason, version } = failure;
  return { error_state: { last_update_attempt: time(at), details: reason, version_info: version } };
}

/** The part of a listener's JSON in which route tables stand. */
interface Listener {
  readonly filter_chains?: readonly FilterChain[];
  readonly default_filter_chain?: FilterChain;
  readonly api_listener?: { readonly api_listener?: ConnectionManager };
}
interface FilterChain {
  readonly filters?: readonly { readonly typed_config?: ConnectionManager }[];
}
interface ConnectionManager {
  readonly route_config?: JsonObject;
}

function* inlineTables(listener: JsonObject): Generator<JsonObject> {
  const { default_filter_chain: last, filter_chains: chains = [], api_listener: api } = listener as Listener;
  const filters = [...chains, ...(last ? [last] : [])].flatMap((chain) => chain.filters ?? []);
  const configs = [api?.api_listener, ...filters.map((filter) => filter.typed_config)];
  for (const config of configs) if (config?.route_config !== undefined) yield config.route_config;
}

function time(wall: number): string {
  return new Date(wall).toISOString();
}
