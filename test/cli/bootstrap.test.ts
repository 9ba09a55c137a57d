import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../sidecar/cli/command.ts";
import { loadBootstrap, validateBootstrap } from "../../sidecar/cli/load-bootstrap.ts";

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const load = (text: string, environment: Record<string, string> = {}) =>
  validateBootstrap(text, "b.yaml", environment);
/** The first line of each: what and where, without the source line. */
const heads = (lines: readonly string[]) => lines.map((line) => line.split("\n")[0]);

const CONTROL_CLUSTER = `
static_resources:
  clusters:
    - name: control
      type: STATIC
      load_assignment:
        cluster_name: control
        endpoints:
          - lb_endpoints:
              - endpoint: { address: { socket_address: { address: 10.0.0.1, port_value: 18000 } } }
              - endpoint: { address: { socket_address: { address: 10.0.0.2, port_value: 18000 } } }
`;

const dynamic = (cluster: string) => `
dynamic_resources:
  ads_config: { api_type: GRPC, grpc_services: [{ envoy_grpc: { cluster_name: ${cluster} } }] }
  lds_config: { ads: {} }
  cds_config: { ads: {} }
`;

describe("an Envoy bootstrap", () => {
  test("of the examples is read without a complaint", () => {
    const { bootstrap, errors, warnings } = loadBootstrap({ file: example("sidecar.yaml"), environment: {} });
    assert.deepEqual([errors, warnings], [[], []]);
    assert.deepEqual(bootstrap?.dynamic, {
      server: { target: "127.0.0.1:18000", tls: undefined },
      serverCluster: "control",
      listeners: true,
      clusters: true,
    });
    assert.deepEqual([bootstrap?.node.id, bootstrap?.node.cluster], ["web-1", "web"]);
    assert.deepEqual(bootstrap?.admin, { host: "127.0.0.1", port: 15_000 });
    assert.deepEqual([...(bootstrap?.resources.clusters.keys() ?? [])], ["control"]);
  });

  test("with static resources only needs no control server", () => {
    const { bootstrap, errors, warnings } = loadBootstrap({ file: example("static.yaml"), environment: {} });
    assert.deepEqual([errors, warnings], [[], []]);
    assert.equal(bootstrap?.dynamic, undefined);
    assert.deepEqual([...(bootstrap?.resources.listeners.keys() ?? [])], ["outbound"]);
    assert.equal(bootstrap?.resources.clusters.get("orders")?.value.balancing.kind, "default");
  });

  test("may be JSON, in either of protobuf's spellings", () => {
    const json = {
      node: { id: "a", cluster: "b", locality: { zone: "z" } },
      dynamicResources: {
        adsConfig: {
          apiType: "GRPC",
          grpcServices: [{ googleGrpc: { targetUri: "dns:///control:1", statPrefix: "x" } }],
        },
        cdsConfig: { ads: {} },
      },
    };
    const { bootstrap, errors } = load(JSON.stringify(json));
    assert.deepEqual(errors, []);
    assert.deepEqual(bootstrap?.dynamic, {
      server: { target: "dns:///control:1", tls: undefined },
      serverCluster: "",
      listeners: false,
      clusters: true,
    });
    assert.equal(bootstrap?.node.locality.zone, "z");
  });

  test("names an unknown key with its place, its line and the nearest key", () => {
    const { bootstrap, errors } = load("node: { id: a, clutser: b }\nstatic_resource: {}\ndashpott: {}\n");
    assert.equal(bootstrap, undefined);
    assert.deepEqual(heads(errors), [
      'b.yaml:1:16 node.clutser: unknown key "clutser" (did you mean "cluster"?)',
      'b.yaml:2:1 static_resource: unknown key "static_resource" (did you mean "static_resources"?)',
      'b.yaml:3:1 dashpott: unknown key "dashpott" (did you mean "dashpot"?)',
    ]);
    assert.match(errors[0] ?? "", /1 \| node: \{ id: a, clutser: b \}\n.*\^/);
  });

  test("with keys that only Envoy uses is accepted with a warning for each, whatever stands below them", () => {
    const { bootstrap, errors, warnings } = load(`
overload_manager: { resource_monitors: [{ name: x, typed_config: { "@type": type.googleapis.com/not.known } }] }
admin: { access_log: [], address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
`);
    assert.deepEqual(errors, []);
    assert.deepEqual(heads(warnings), [
      "b.yaml:2:1 warning: overload_manager: is not supported by Dashpot and ignored",
      "b.yaml:3:10 warning: admin.access_log: is not supported by Dashpot and ignored",
    ]);
    assert.deepEqual(bootstrap?.admin, { host: "127.0.0.1", port: 0 });
  });

  test("finds its control server by the cluster's name", () => {
    const { bootstrap, errors } = load(CONTROL_CLUSTER + dynamic("control"));
    assert.deepEqual(errors, []);
    assert.equal(bootstrap?.dynamic?.server.target, "ipv4:10.0.0.1:18000,10.0.0.2:18000");
    const misspelt = load(CONTROL_CLUSTER + dynamic("contrl"));
    assert.match(
      misspelt.errors[0] ?? "",
      /names "contrl", which is no cluster of static_resources \(did you mean "control"\?\)/,
    );
  });

  test("warns of a cluster that asks for HTTP/2, unless it is the control server", () => {
    const two = CONTROL_CLUSTER.replace("type: STATIC\n", "type: STATIC\n      http2_protocol_options: {}\n");
    const orders = `    - ${two.slice(two.indexOf("name: control")).replace("name: control", "name: orders")}`;
    const { errors, warnings } = load(`${two}${orders}${dynamic("control")}`);
    assert.deepEqual(errors, []);
    assert.deepEqual(
      heads(warnings).map((line) => line?.replace(/^\S+ /, "")),
      [
        "warning: static_resources.clusters[1]: asks for HTTP/2, which is not followed: requests go out as HTTP/1.1",
      ],
    );
  });

  test("talks TLS to a control server whose cluster has it, and refuses what it could not check", () => {
    const tls = (more: string) => `${CONTROL_CLUSTER}      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          sni: control.example
          common_tls_context:
            validation_context:
              trusted_ca: { filename: /etc/ca.pem }
${more}${dynamic("control")}`;
    const { bootstrap, errors } = load(tls(""));
    assert.deepEqual(errors, []);
    assert.deepEqual(bootstrap?.dynamic?.server.tls, {
      trustedCa: { kind: "file", path: "/etc/ca.pem" },
      certificate: undefined,
      serverName: "control.example",
    });
    const matched = load(
      tls("              match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: c } }]\n"),
    );
    assert.match(matched.errors[0] ?? "", /cluster_name: names a cluster that matches subject_alt_names/);
  });

  test("refuses sources other than ADS over gRPC", () => {
    const { errors } = load(`
dynamic_resources:
  ads_config: { api_type: REST, transport_api_version: V2, grpc_services: [{ google_grpc: { target_uri: "a:1" } }] }
  lds_config: { path: /etc/lds.yaml }
  cds_config: { ads: {} }
`);
    assert.equal(errors.length, 3);
    assert.match(errors.join("\n"), /ads_config\.transport_api_version: must be V3: .* "V2"/);
    assert.match(errors.join("\n"), /b\.yaml:3:17 dynamic_resources\.ads_config\.api_type: must be GRPC/);
    assert.match(errors.join("\n"), /b\.yaml:4:\d+ dynamic_resources\.lds_config/);
  });

  test("tells what is wrong in static resources by line", () => {
    const { errors } = load(`
static_resources:
  clusters:
    - name: a
      type: STATIC
      conect_timeout: 1s
    - name: b
      type: EDS
      eds_cluster_config: { eds_config: { ads: {} } }
`);
    assert.match(
      errors[0] ?? "",
      /^b\.yaml:6:7 static_resources\.clusters\[0\]\.conect_timeout: unknown key .*connect_timeout/,
    );
  });

  test("refuses references that lead nowhere, and names used twice", () => {
    const eds = load(`
static_resources:
  clusters:
    - { name: a, type: EDS, eds_cluster_config: { eds_config: { ads: {} } } }
`);
    assert.match(
      eds.errors[0] ?? "",
      /^b\.yaml:4:\d+ static_resources\.clusters\[0\]: gets its endpoints from a control server/,
    );
    const twice = load(`
static_resources:
  clusters:
    - { name: a, type: STATIC, load_assignment: { cluster_name: a } }
    - { name: a, type: STATIC, load_assignment: { cluster_name: a } }
`);
    assert.match(
      twice.errors[0] ?? "",
      /static_resources\.clusters\[1\]\.name: "a" is used by static_resources\.clusters\[0\]/,
    );
  });

  test("with static routes to a cluster that is nowhere is refused, with the nearest cluster", () => {
    const text = readFileSync(example("static.yaml"), "utf8").replace("cluster: orders", "cluster: ordres");
    const { errors } = load(text);
    assert.match(
      heads(errors)[0] ?? "",
      /static_resources\.listeners\[0\]: routes to "ordres", which is no cluster of static_resources \(did you mean "orders"\?\)/,
    );
    assert.equal(errors.length, 1);
  });

  test("keeps the admin interface on loopback unless it is allowed elsewhere with a token", () => {
    const admin = "admin: { address: { socket_address: { address: 0.0.0.0, port_value: 15000 } } }\n";
    assert.match(
      load(admin).errors[0] ?? "",
      /b\.yaml:1:\d+ admin\.address: must be a loopback address, not "0\.0\.0\.0"/,
    );
    const allowed = load(`${admin}dashpot: { admin_allow_remote: true, admin_token_file: /run/token }\n`);
    assert.deepEqual(allowed.errors, []);
  });

  test("has its settings checked with the rest, and the environment's under the variable's name", () => {
    const { errors } = load("dashpot:\n  drain_dedline: 1s\n", { DASHPOT_LOG_LEVEL: "loud" });
    assert.match(errors[0] ?? "", /^b\.yaml:2:3 dashpot\.drain_dedline: unknown setting .*drain_deadline/);
    assert.match(errors[1] ?? "", /^DASHPOT_LOG_LEVEL: must be one of/);
  });

  test("that is no YAML at all is a syntax error with its place", () => {
    const { bootstrap, errors } = load("node: [");
    assert.equal(bootstrap, undefined);
    assert.match(errors[0] ?? "", /^b\.yaml:1:/);
    assert.match(load("- a\n").errors[0] ?? "", /must be a mapping/);
  });

  test("that cannot be read is an error, not an exception", () => {
    const { errors } = loadBootstrap({ file: "/nowhere/b.yaml", environment: {} });
    assert.match(errors[0] ?? "", /^\/nowhere\/b\.yaml: cannot be read: ENOENT/);
  });
});

describe("other ways to say it", () => {
  test("an address alone is enough, and flags name the node", () => {
    const { bootstrap, errors } = loadBootstrap({
      xds: "127.0.0.1:18000",
      nodeId: "web-1",
      nodeCluster: "web",
      environment: { DASHPOT_DRAIN_DEADLINE: "1s" },
    });
    assert.deepEqual(errors, []);
    assert.deepEqual(bootstrap?.dynamic?.server, { target: "127.0.0.1:18000", tls: undefined });
    assert.deepEqual([bootstrap?.node.id, bootstrap?.node.cluster], ["web-1", "web"]);
    assert.equal(bootstrap?.settings.drainDeadlineMs, 1000);
  });

  test("gRPC's bootstrap works as it stands, unknown fields and all", () => {
    const text = JSON.stringify({
      xds_servers: [
        {
          server_uri: "control:18000",
          channel_creds: [
            { type: "google_default" },
            { type: "tls", config: { ca_certificate_file: "/ca.pem" } },
          ],
          server_features: ["xds_v3"],
        },
      ],
      node: { id: "n", cluster: "c", locality: { region: "r" }, metadata: { a: 1 } },
      certificate_providers: {},
    });
    const { bootstrap, errors } = loadBootstrap({ environment: { GRPC_XDS_BOOTSTRAP_CONFIG: text } });
    assert.deepEqual(errors, []);
    assert.deepEqual(bootstrap?.dynamic?.server, {
      target: "control:18000",
      tls: { trustedCa: { kind: "file", path: "/ca.pem" }, certificate: undefined, serverName: "" },
    });
    assert.deepEqual(bootstrap?.node, {
      id: "n",
      cluster: "c",
      locality: { region: "r", zone: "", subZone: "" },
      metadata: { a: 1 },
    });
  });

  test("a gRPC bootstrap without a usable server is refused with its place", () => {
    const environment = {
      GRPC_XDS_BOOTSTRAP_CONFIG: '{"xds_servers": [{"channel_creds": [{"type": "magic"}]}]}',
    };
    const { errors } = loadBootstrap({ environment });
    assert.match(
      errors[0] ?? "",
      /^GRPC_XDS_BOOTSTRAP_CONFIG:1:\d+ xds_servers\[0\]\.server_uri: is missing/,
    );
    assert.match(errors[1] ?? "", /xds_servers\[0\]\.channel_creds: must hold an entry of type/);
  });

  test("a gRPC bootstrap may be given as the file, and is checked as what it is", () => {
    const text = JSON.stringify({ xds_servers: [{ server_uri: "", channel_creds: [{ type: "insecure" }] }] });
    const { errors } = validateBootstrap(text, "grpc.json", {});
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /^grpc\.json:1:\d+ xds_servers\[0\]\.server_uri: is missing/);
  });

  test("a mesh file is told as the one mistake it is", () => {
    const { errors } = validateBootstrap("services: []\nlisteners: []\n", "mesh.yaml", {});
    assert.deepEqual(errors, [
      "mesh.yaml: is a mesh file, which `dashpot control` takes; a sidecar takes a bootstrap",
    ]);
  });

  test("nothing at all is a usage error that says what to give", () => {
    assert.throws(
      () => loadBootstrap({ environment: {} }),
      (error) =>
        error instanceof UsageError &&
        /give a file \(-c\), an address \(--xds HOST:PORT\)/.test(error.message),
    );
  });
});
