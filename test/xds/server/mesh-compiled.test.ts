import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../../../xds/model/endpoints-from-proto.ts";
import { LISTENER } from "../../../xds/model/listener-from-proto.ts";
import { type ModelContext, type ResourceType, XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { ROUTE_CONFIGURATION } from "../../../xds/model/routes-from-proto.ts";
import { validateMesh } from "../../../xds/server/mesh-report.ts";

/** A sidecar whose operator lets certificates be read from one directory. */
const SIDECAR: ModelContext = { ...XDS_CONTEXT, certificateDirectories: ["/etc/certs"] };

/** What a sidecar makes of the resource of this type and name; it may warn of what it does not follow, such as HTTP/2. */
function received<T>(text: string, type: ResourceType<T>, name: string): T {
  const { lines, snapshot } = validateMesh(text, "mesh.yaml");
  assert.ok(snapshot, lines.join("\n"));
  for (const [typeUrl, { resources }] of snapshot.types) {
    const resource = typeUrl === type.typeUrl ? resources.get(name) : undefined;
    if (!resource) continue;
    const { value, problems } = type.decode(resource.bytes, SIDECAR);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === "error"),
      [],
    );
    return value!;
  }
  throw new Error(`there is no ${type.short} resource ${name}`);
}

const service = (keys: string) => `services:\n  - name: orders\n    endpoints: [127.0.0.1:9001]\n${keys}`;
const cluster = (keys: string) => received(service(keys), CLUSTER, "orders");
const routes = (keys: string) =>
  received(service(keys), ROUTE_CONFIGURATION, "outbound").virtualHosts[0]!.routes;

describe("what a sidecar makes of a service", () => {
  it("endpoints grouped by place and priority, weighted so that each keeps its own share", () => {
    const { localities } = received(
      `services:
  - name: orders
    endpoints:
      - 127.0.0.1:1
      - { address: "127.0.0.1:2", zone: b, weight: 3, health: degraded }
      - { address: "[::1]:3", zone: b, weight: 2 }
      - { address: "127.0.0.1:4", region: r, priority: 1, hostname: four.internal }
`,
      CLUSTER_LOAD_ASSIGNMENT,
      "orders",
    );
    assert.deepEqual(
      localities.map(({ region, zone, priority, weight }) => [region, zone, priority, weight]),
      [
        ["", "", 0, 1],
        ["", "b", 0, 5],
        ["r", "", 1, 1],
      ],
    );
    const [b0, b1] = localities[1]!.endpoints;
    assert.deepEqual([b0?.port, b0?.weight, b0?.health], [2, 3, "degraded"]);
    assert.deepEqual([b1?.host, b1?.weight, b1?.health], ["::1", 2, "healthy"]);
    assert.equal(localities[2]?.endpoints[0]?.hostname, "four.internal");
  });

  it("host names become a cluster that resolves them", () => {
    const text = "services: [{ name: orders, endpoints: [orders.internal:80, 127.0.0.1:81] }]\n";
    const { discovery } = received(text, CLUSTER, "orders");
    assert.ok(discovery.kind === "dns" && !discovery.logical);
    assert.deepEqual(
      discovery.assignment.localities.flatMap(({ endpoints }) => endpoints.map(({ host }) => host)),
      ["orders.internal", "127.0.0.1"],
    );
  });

  it("no policy leaves the choice to the sidecar, a named one is that one", () => {
    assert.deepEqual(cluster("").balancing, { kind: "default" });
    assert.deepEqual(cluster("    policy: adaptive\n").balancing, { kind: "adaptive" });
    for (const kind of ["round_robin", "least_request", "random", "ring_hash", "maglev", "peak_ewma"]) {
      assert.equal(cluster(`    policy: ${kind}\n`).balancing.kind, kind);
    }
    const counted = cluster("    policy: { name: least_request, choice_count: 3 }\n").balancing;
    assert.ok(counted.kind === "least_request" && counted.choiceCount === 3);
    const weighted = cluster(
      "    policy: { name: client_side_weighted_round_robin, blackout_period: 500ms }\n",
    );
    assert.ok(
      weighted.balancing.kind === "client_side_weighted_round_robin" && weighted.balancing.blackoutMs === 500,
    );
  });

  it("timeouts, breakers and outlier detection in their units", () => {
    const { connectTimeoutMs, circuitBreakers, outlierDetection } = cluster(
      "    connect_timeout: 250ms\n    circuit_breakers: { max_requests: 7 }\n    outlier_detection: { interval: 500ms, consecutive_5xx: 3 }\n",
    );
    assert.equal(connectTimeoutMs, 250);
    assert.equal(circuitBreakers.default.maxRequests, 7);
    assert.equal(outlierDetection?.intervalMs, 500);
    assert.equal(outlierDetection?.consecutive5xx, 3);
  });

  it("keys to hash by, of the service unless a route has its own", () => {
    const [own, rest] =
      routes(`    hash_on: [{ header: x-user, terminal: true }, { cookie: cart, ttl: 1h, path: /c }]
    routes:
      - { match: { prefix: /by-id }, hash_on: [{ query: id }, { source_address: true }] }
`);
    assert.ok(own?.action.kind === "forward" && rest?.action.kind === "forward");
    assert.deepEqual(own.action.hashPolicy, [
      { kind: "query", name: "id", terminal: false },
      { kind: "source_ip", terminal: false },
    ]);
    assert.deepEqual(rest.action.hashPolicy, [
      { kind: "header", name: "x-user", terminal: true },
      { kind: "cookie", name: "cart", ttlMs: 3_600_000, path: "/c", terminal: false },
    ]);
  });

  it("health checks of all three kinds", () => {
    const [http, grpc, tcp] = cluster(`    health_checks:
      - { path: /healthz, interval: 2s, expected_statuses: [204, "200-202"] }
      - { grpc: orders.v1.Orders, timeout: 500ms }
      - { tcp: true, unhealthy_threshold: 5 }
`).healthChecks;
    assert.ok(http?.check.kind === "http" && http.check.path === "/healthz" && http.intervalMs === 2_000);
    assert.deepEqual(http.check.expectedStatuses, [
      [204, 205],
      [200, 203],
    ]);
    assert.ok(grpc?.check.kind === "grpc" && grpc.check.serviceName === "orders.v1.Orders");
    assert.equal(grpc.timeoutMs, 500);
    assert.ok(tcp?.check.kind === "tcp" && tcp.unhealthyThreshold === 5);
  });

  it("TLS with a private CA, names and a client certificate, or with the system's roots", () => {
    const { tls } = cluster(`    tls:
      sni: orders.internal
      ca_file: /etc/certs/ca.pem
      certificate_file: /etc/certs/cert.pem
      private_key_file: /etc/certs/key.pem
      subject_alt_names: ["spiffe://mesh/orders", orders.internal]
`);
    assert.equal(tls?.sni, "orders.internal");
    assert.deepEqual(tls?.validation?.trustedCa, { kind: "file", path: "/etc/certs/ca.pem" });
    assert.deepEqual(tls?.certificate?.privateKey, { kind: "file", path: "/etc/certs/key.pem" });
    assert.deepEqual(
      tls?.validation?.subjectAltNames.map(({ type }) => type),
      ["uri", "dns"],
    );
    const system = cluster("    tls: { sni: orders.internal, subject_alt_names: [orders.internal] }\n").tls;
    assert.equal(system?.validation?.trustedCa, undefined);
    assert.equal(system?.validation?.subjectAltNames.length, 1);
    assert.equal(cluster("    tls: { sni: orders.internal }\n").tls?.autoSniSanValidation, true);
  });

  it("the protocol of its endpoints", () => {
    assert.equal(cluster("").protocol, "http1");
    assert.equal(cluster("    protocol: http2\n").protocol, "http2");
    assert.equal(cluster("    protocol: auto\n").protocol, "auto");
  });
});

describe("what a sidecar makes of routes", () => {
  it("every kind of match", () => {
    const [first, second, third] = routes(`    routes:
      - match: { prefix: /a, method: GET, headers: { X-A: b, x-c: { present: true }, x-d: { regex: "e+", invert: true } }, query: { q: { prefix: z } } }
      - match: { exact: /b }
      - match: { regex: "/c/[0-9]+" }
`).map(({ match }) => match);
    assert.deepEqual(first?.path, { kind: "prefix", value: "/a", ignoreCase: false });
    assert.deepEqual(
      first?.headers.map(({ name, invert }) => [name, invert]),
      [
        ["x-a", false],
        ["x-c", false],
        ["x-d", true],
        [":method", false],
      ],
    );
    assert.deepEqual(first?.query, [
      { name: "q", matcher: { kind: "prefix", value: "z", ignoreCase: false } },
    ]);
    assert.equal(second?.path.kind, "exact");
    assert.equal(third?.path.kind, "regex");
  });

  it("forwarding with rewrites, its own timeout and the service's retries", () => {
    const text = service(`    timeout: 3s
    retries: { max: 2, backoff: 10ms, max_backoff: 1s, per_try_timeout: 500ms, status_codes: [503] }
    routes:
      - { match: { prefix: /a/ }, rewrite: { prefix: /, host: b.internal }, timeout: 250ms }
`);
    const [host] = received(text, ROUTE_CONFIGURATION, "outbound").virtualHosts;
    const [rewritten, own] = host!.routes.map(({ action }) => action);
    assert.ok(rewritten?.kind === "forward" && own?.kind === "forward");
    assert.equal(rewritten.timeoutMs, 250);
    assert.equal(rewritten.prefixRewrite, "/");
    assert.deepEqual(rewritten.hostRewrite, { kind: "literal", value: "b.internal" });
    assert.equal(own.timeoutMs, 3_000);
    const retry = host!.retryPolicy!;
    assert.deepEqual([...retry.on].sort(), [
      "connect-failure",
      "refused-stream",
      "reset-before-request",
      "retriable-status-codes",
    ]);
    assert.deepEqual(
      [retry.numRetries, retry.backoffBaseMs, retry.backoffMaxMs, retry.perTryTimeoutMs],
      [2, 10, 1_000, 500],
    );
    assert.deepEqual([...retry.statusCodes], [503]);
  });

  it("redirects and answers of its own", () => {
    const [redirect, respond] = routes(`    routes:
      - { match: { exact: /old }, redirect: { host: new.example.com, path: /new, status: 308, https: true } }
      - { match: { prefix: /no }, respond: { status: 403, body: no } }
`).map(({ action }) => action);
    assert.ok(redirect?.kind === "redirect");
    assert.deepEqual(
      [redirect.host, redirect.path, redirect.status, redirect.https],
      ["new.example.com", "/new", 308, true],
    );
    assert.deepEqual(respond, { kind: "direct_response", status: 403, body: "no" });
  });

  it("listeners with some of the services each, and one that only gRPC clients dial", () => {
    const text = `services:
  - { name: a, endpoints: [] }
  - { name: b, endpoints: [] }
listeners:
  - { name: one, address: "127.0.0.1:1", services: [b] }
  - { name: b, grpc: true, services: [b] }
`;
    const one = received(text, LISTENER, "one");
    assert.deepEqual(one.address, { host: "127.0.0.1", port: 1 });
    assert.equal(received(text, LISTENER, "b").address, undefined);
    const hosts = received(text, ROUTE_CONFIGURATION, "one").virtualHosts;
    assert.deepEqual(
      hosts.map(({ name }) => name),
      ["b"],
    );
  });
});
