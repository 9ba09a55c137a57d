import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { RE2JS } from "re2js";
import { configDump, type DumpQuery } from "../../sidecar/admin/config-dump.ts";
import type { DumpSource } from "../../sidecar/admin/dump-view.ts";
import type { ResourceStatus, TypeStatus } from "../../xds/client/client-status.ts";
import { CLUSTER } from "../../xds/model/cluster-from-proto.ts";
import type { Configuration } from "../../xds/model/configuration.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../../xds/model/endpoints-from-proto.ts";
import { LISTENER } from "../../xds/model/listener-from-proto.ts";
import { ROUTE_CONFIGURATION } from "../../xds/model/routes-from-proto.ts";
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
} from "../../xds/proto/gen/envoy/admin/v3/config_dump_shared_pb.js";
import { ClusterSchema } from "../../xds/proto/gen/envoy/config/cluster/v3/cluster_pb.js";
import { TYPES } from "../../xds/proto/registry.ts";
import { AdminBed, XDS_STATUS } from "../support/admin-bed.ts";
import { call } from "../support/http-call.ts";
import {
  assignmentModel,
  clusterModel,
  edsDiscovery,
  listenerModel,
  routeTableModel,
} from "../support/model.ts";

const ADDRESS = { socket_address: { address: "10.0.0.1", port_value: 80 } };
const ASSIGNMENT = {
  cluster_name: "own",
  endpoints: [{ lb_endpoints: [{ endpoint: { address: ADDRESS } }] }],
};
const TABLE = {
  name: "r",
  request_headers_to_add: [
    { header: { key: "authorization", value: "Bearer T0KEN" } },
    { header: { key: "x-plain", value: "shown" } },
  ],
  virtual_hosts: [{ name: "h", domains: ["*"] }],
};
const MANAGER = {
  "@type":
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  stat_prefix: "s",
  route_config: { ...TABLE, name: "inline" },
};
const TLS = {
  "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
  common_tls_context: {
    tls_certificates: [
      { certificate_chain: { filename: "/etc/chain.pem" }, private_key: { inline_string: "KEY-PEM" } },
    ],
  },
};

/** What is held, by origin, type and name. */
const CONTENT = new Map([
  [
    `static ${CLUSTER.typeUrl} own`,
    CLUSTER.encode({
      name: "own",
      load_assignment: ASSIGNMENT,
      transport_socket: { name: "tls", typed_config: TLS },
    }),
  ],
  [`xds ${CLUSTER.typeUrl} active`, CLUSTER.encode({ name: "active", type: "EDS" })],
  [`xds ${CLUSTER.typeUrl} changing`, CLUSTER.encode({ name: "changing", connect_timeout: "9s" })],
  [
    `xds ${CLUSTER_LOAD_ASSIGNMENT.typeUrl} active`,
    CLUSTER_LOAD_ASSIGNMENT.encode({ ...ASSIGNMENT, cluster_name: "active" }),
  ],
  [`xds ${ROUTE_CONFIGURATION.typeUrl} r`, ROUTE_CONFIGURATION.encode(TABLE)],
  [
    `static ${LISTENER.typeUrl} fixed`,
    LISTENER.encode({
      name: "fixed",
      filter_chains: [{ filters: [{ name: "http", typed_config: MANAGER }] }],
    }),
  ],
  [`xds ${LISTENER.typeUrl} outbound`, LISTENER.encode({ name: "outbound", address: ADDRESS })],
]);

function resource(name: string, changes: Partial<ResourceStatus> = {}): ResourceStatus {
  return { name, state: "acked", version: "v2", since: 2_000, failure: undefined, ...changes };
}

function type(typeUrl: string, ...resources: ResourceStatus[]): TypeStatus {
  const rest = { wildcard: true, names: [], responses: 1, lastAck: undefined, lastNack: undefined };
  return { typeUrl, version: "v2", resources, ...rest };
}

const REFUSED = { version: "v3", reason: "lb_policy: is not supported", at: 3_000 };

function source(content = CONTENT): DumpSource {
  const cluster = (name: string, version: string) => {
    const value =
      version === "static"
        ? clusterModel(name, { kind: "static", assignment: assignmentModel(name) })
        : clusterModel(name, edsDiscovery(name));
    const at = { version, since: 1_000 };
    return { cluster: { value, ...at }, assignment: { value: assignmentModel(name), ...at } };
  };
  const listener = (name: string, version: string) => ({
    value: listenerModel(name, { kind: "rds", name: "r", initialFetchTimeoutMs: 0 }),
    version,
    since: 1_000,
  });
  const configuration: Configuration = {
    generation: 4,
    listeners: new Map([
      ["fixed", listener("fixed", "static")],
      ["outbound", listener("outbound", "v1")],
    ]),
    routeTables: new Map([["r", { value: routeTableModel("r"), version: "v2", since: 1_000 }]]),
    clusters: new Map([
      ["own", cluster("own", "static")],
      ["active", cluster("active", "v2")],
      ["changing", cluster("changing", "v1")],
    ]),
  };
  return {
    configuration: () => configuration,
    xdsStatus: () => ({
      ...XDS_STATUS,
      warming: { clusters: ["changing"], listeners: [] },
      types: [
        type(
          CLUSTER.typeUrl,
          resource("active", { failure: REFUSED, state: "nacked" }),
          resource("changing"),
          resource("payments", { state: "nacked", version: "", since: undefined, failure: REFUSED }),
        ),
        type(CLUSTER_LOAD_ASSIGNMENT.typeUrl, resource("active")),
        type(LISTENER.typeUrl, resource("outbound", { version: "v1" })),
        type(
          ROUTE_CONFIGURATION.typeUrl,
          resource("r"),
          resource("late", { state: "requested", version: "", since: undefined }),
        ),
      ],
    }),
    bootstrap: () => ({
      node: { id: "web-1" },
      dynamic_resources: { ads_config: { credentials: { privateKey: { inlineString: "ADS-KEY" } } } },
    }),
    contentOf: (origin, typeUrl, name) => content.get(`${origin} ${typeUrl} ${name}`)?.bytes,
  };
}

/** Any of the dump's messages or entries: what the tests look at. */
interface Part {
  readonly "@type"?: string;
  readonly version_info?: string;
  readonly bootstrap?: {
    readonly node: JsonObject;
    readonly static_resources: Record<"clusters" | "listeners", Part[]>;
  };
  readonly name?: string;
  readonly cluster?: Part;
  readonly route_config?: Part;
  readonly endpoint_config?: { readonly cluster_name: string };
  readonly active_state?: JsonObject;
  readonly static_listeners?: readonly Part[];
  readonly dynamic_listeners?: readonly Part[];
  readonly dynamic_active_clusters?: readonly Part[];
  readonly dynamic_warming_clusters?: readonly Part[];
  readonly static_route_configs?: readonly Part[];
  readonly dynamic_route_configs?: readonly Part[];
  readonly static_endpoint_configs?: readonly Part[];
  readonly dynamic_endpoint_configs?: readonly Part[];
}

const ALL: DumpQuery = { resource: undefined, name: undefined, includeEndpoints: true };

function dump(query: Partial<DumpQuery> = {}, from = source()): Part[] {
  const text = [...configDump(from, { ...ALL, ...query })].join("");
  return (JSON.parse(text) as { configs: Part[] }).configs;
}

/** The part of a dump that is one of Envoy's messages, read as such: strictly. */
function part(schema: DescMessage): Part {
  const { "@type": url, ...message } = dump().find((one) =>
    String(one["@type"]).endsWith(`.${schema.name}`),
  )!;
  assert.equal(url, `type.googleapis.com/${schema.typeName}`);
  fromJson(schema, message as JsonObject, { registry: TYPES });
  return message;
}

test("the dump has Envoy's messages in Envoy's order, endpoints only when asked for", () => {
  const names = (configs: readonly Part[]) => configs.map((one) => String(one["@type"]).split(".").at(-1));
  const [bootstrap, ...others] = [
    "BootstrapConfigDump",
    "ClustersConfigDump",
    "EndpointsConfigDump",
    "ListenersConfigDump",
    "RoutesConfigDump",
  ];
  assert.deepEqual(names(dump()), [bootstrap, ...others]);
  assert.deepEqual(names(dump({ includeEndpoints: false })), [bootstrap, others[0], ...others.slice(2)]);
});

test("clusters are static, active or warming, each under its version, with what was refused and why", () => {
  const clusters = part(ClustersConfigDumpSchema);
  assert.equal(clusters.version_info, "v2");
  const url = CLUSTER.typeUrl;
  const error_state = {
    last_update_attempt: "1970-01-01T00:00:03.000Z",
    details: REFUSED.reason,
    version_info: "v3",
  };
  assert.deepEqual(clusters.dynamic_active_clusters, [
    {
      version_info: "v2",
      cluster: { "@type": url, name: "active", type: "EDS" },
      last_updated: "1970-01-01T00:00:02.000Z",
      error_state,
      client_status: "NACKED",
    },
    {
      version_info: "v1",
      cluster: { "@type": url, name: "changing" },
      last_updated: "1970-01-01T00:00:01.000Z",
      client_status: "ACKED",
    },
  ]);
  assert.deepEqual(clusters.dynamic_warming_clusters, [
    {
      version_info: "v2",
      cluster: { "@type": url, name: "changing", connect_timeout: "9s" },
      last_updated: "1970-01-01T00:00:02.000Z",
      client_status: "ACKED",
    },
    { version_info: "", cluster: { "@type": url, name: "payments" }, error_state, client_status: "NACKED" },
  ]);
});

test("listeners, routes inside and outside of them, and endpoints inside and outside of clusters are all there", () => {
  const listeners = part(ListenersConfigDumpSchema);
  assert.deepEqual(listeners.static_listeners?.length, 1);
  assert.deepEqual(listeners.dynamic_listeners?.[0]?.active_state, {
    version_info: "v1",
    listener: { "@type": LISTENER.typeUrl, name: "outbound", address: ADDRESS },
    last_updated: "1970-01-01T00:00:02.000Z",
  });
  const tables = (list: readonly Part[] | undefined) => list?.map((entry) => entry.route_config?.name);
  const assignments = (list: readonly Part[] | undefined) =>
    list?.map((entry) => entry.endpoint_config?.cluster_name);
  const routes = part(RoutesConfigDumpSchema);
  assert.deepEqual(tables(routes.static_route_configs), ["inline"]);
  assert.deepEqual(tables(routes.dynamic_route_configs), ["r", "late"]);
  const endpoints = part(EndpointsConfigDumpSchema);
  assert.deepEqual(assignments(endpoints.static_endpoint_configs), ["own"]);
  assert.deepEqual(assignments(endpoints.dynamic_endpoint_configs), ["active"]);
});

test("keys and the values of secret headers are hidden, wherever they stand and however they are spelled", () => {
  const text = JSON.stringify(dump());
  assert.doesNotMatch(text, /KEY-PEM|T0KEN|ADS-KEY/);
  assert.match(text, /"private_key":\{"inline_string":"\[redacted\]"\}/);
  assert.match(text, /"key":"authorization","value":"\[redacted\]"/);
  assert.match(text, /"key":"x-plain","value":"shown"/);
  assert.match(text, /\/etc\/chain\.pem/);
});

test("the bootstrap shows who the sidecar is and its static resources", () => {
  const { bootstrap } = dump()[0]!;
  assert.deepEqual(bootstrap?.node, { id: "web-1" });
  const { clusters, listeners } = bootstrap!.static_resources;
  assert.deepEqual([clusters[0]?.name, listeners[0]?.name], ["own", "fixed"]);
});

test("a dump can be narrowed to one list and to names", () => {
  const clusters = dump({ resource: "dynamic_active_clusters" });
  assert.deepEqual(
    clusters.map((one) => one["@type"]),
    Array(2).fill("type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster"),
  );
  assert.deepEqual(dump({ resource: "dynamic_active_clusters", name: RE2JS.compile("^chang") }).length, 1);
  assert.deepEqual(dump({ resource: "static_listeners", name: RE2JS.compile("none") }), []);
});

test("a resource with an extension of an unknown type is shown, and the extension by its name", () => {
  const url = "type.googleapis.com/example.Unknown";
  const typedConfig = create(AnySchema, { typeUrl: url, value: Buffer.from([0x0a, 0x01, 0x61]) });
  const message = create(ClusterSchema, {
    name: "own",
    transportSocket: { name: "x", configType: { case: "typedConfig", value: typedConfig } },
  });
  const bytes = toBinary(ClusterSchema, message);
  const content = new Map([[`static ${CLUSTER.typeUrl} own`, { name: "own", bytes, problems: [] }]]);
  const [entry] = dump({ resource: "static_clusters" }, source(content));
  assert.deepEqual(entry?.cluster, {
    "@type": CLUSTER.typeUrl,
    name: "own",
    transport_socket: { name: "x", typed_config: { "@type": url } },
  });
});

test("the admin interface says what may be asked of a dump", async () => {
  const bed = await AdminBed.start();
  const ask = (query: string) => call({ port: bed.port, host: "localhost", path: `/config_dump?${query}` });
  assert.equal((await ask("resource=static_clusters&include_eds")).status, 200);
  assert.match((await ask("resource=static_cluster")).body, /did you mean \\"static_clusters\\"/);
  assert.match((await ask("mask=cluster.name")).body, /mask is not supported/);
  assert.match((await ask("name_regex=(")).body, /name_regex is no regular expression of RE2/);
  await bed.admin.close();
});
