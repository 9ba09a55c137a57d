import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { CLUSTER_LOAD_ASSIGNMENT } from "../../../xds/model/endpoints-from-proto.ts";
import { MODEL_LIMITS, XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { accepted, changed, readBoth, testRefusals } from "./cases.ts";

function endpoint(address: string, port = 80): JsonObject {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

const BASE: JsonObject = {
  cluster_name: "orders",
  endpoints: [
    { locality: { region: "eu", zone: "a" }, lb_endpoints: [endpoint("10.0.0.1"), endpoint("10.0.0.2")] },
  ],
};
const FIRST = "endpoints[0].lb_endpoints[0]";
const ADDRESS = `${FIRST}.endpoint.address.socket_address`;

test("every field of an endpoint that is honoured reaches the model", () => {
  const assignment = accepted(
    CLUSTER_LOAD_ASSIGNMENT,
    changed(BASE, {
      "endpoints[0].priority": 0,
      "endpoints[0].load_balancing_weight": 7,
      [`${FIRST}.health_status`]: "DEGRADED",
      [`${FIRST}.load_balancing_weight`]: 3,
      [`${FIRST}.endpoint.hostname`]: "one.example",
      [`${FIRST}.metadata`]: {
        filter_metadata: {
          "envoy.transport_socket_match": { tls: true, version: 2, team: "a", other: ["x"] },
          "envoy.lb": { canary: true },
        },
      },
      [`${FIRST}.endpoint.health_check_config`]: { port_value: 8080 },
      [`${FIRST}.endpoint.additional_addresses`]: [
        { address: { socket_address: { address: "2001:DB8::0:1", port_value: 80 } } },
      ],
      policy: {
        overprovisioning_factor: 120,
        drop_overloads: [{ category: "lb", drop_percentage: { numerator: 50, denominator: "TEN_THOUSAND" } }],
      },
    }),
  );
  const [locality] = assignment.localities;
  assert.deepEqual(locality?.endpoints[0], {
    host: "10.0.0.1",
    port: 80,
    additionalAddresses: [{ host: "2001:db8::1", port: 80 }],
    hostname: "one.example",
    health: "degraded",
    weight: 3,
    healthCheckPort: 8080,
    transportLabels: [new Set(['["tls",true]', '["version",2]', '["team","a"]'])],
  });
  assert.deepEqual(
    [locality?.region, locality?.zone, locality?.priority, locality?.weight],
    ["eu", "a", 0, 7],
  );
  assert.equal(assignment.overprovisioningFactor, 120);
  assert.deepEqual(assignment.drops, [{ category: "lb", fraction: 0.005 }]);
});

test("the labels of an endpoint for transport sockets come before those of its locality", () => {
  const labelled = (tls: string) => ({ filter_metadata: { "envoy.transport_socket_match": { tls } } });
  const labelsOf = (changes: JsonObject): unknown =>
    accepted(CLUSTER_LOAD_ASSIGNMENT, changed(BASE, changes)).localities[0]?.endpoints[0]?.transportLabels;
  const around = { "endpoints[0].metadata": labelled("around") };
  assert.deepEqual(labelsOf({}), [new Set()]);
  assert.deepEqual(labelsOf(around), [new Set(), new Set(['["tls","around"]'])]);
  assert.deepEqual(labelsOf({ ...around, [`${FIRST}.metadata`]: labelled("own") }), [
    new Set(['["tls","own"]']),
    new Set(['["tls","around"]']),
  ]);
});

test("an assignment without endpoints is valid: the cluster has no hosts", () => {
  assert.deepEqual(accepted(CLUSTER_LOAD_ASSIGNMENT, { cluster_name: "orders" }).localities, []);
});

test("each health status has its meaning", () => {
  const statuses = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"].map((status) => {
    const json = changed(BASE, { [`${FIRST}.health_status`]: status });
    return accepted(CLUSTER_LOAD_ASSIGNMENT, json).localities[0]?.endpoints[0]?.health;
  });
  assert.deepEqual(statuses, ["healthy", "healthy", "unhealthy", "draining", "unhealthy", "degraded"]);
});

testRefusals(CLUSTER_LOAD_ASSIGNMENT, BASE, [
  {
    title: "a nameless assignment is refused",
    set: { cluster_name: "" },
    error: "cluster_name: is required",
  },
  {
    title: "a host name is refused over EDS, with the types of cluster that take one",
    set: { [`${ADDRESS}.address`]: "orders.svc" },
    error: `${ADDRESS}.address: must be an IP address; host names need a cluster of type STRICT_DNS`,
  },
  {
    title: "port 0 is refused",
    set: { [`${ADDRESS}.port_value`]: 0 },
    error: `${ADDRESS}.port_value: must be from 1 to 65535, not 0`,
  },
  {
    title: "port 65536 is refused",
    set: { [`${ADDRESS}.port_value`]: 65_536 },
    error: `${ADDRESS}.port_value: must be from 1 to 65535`,
  },
  {
    title: "UDP is refused",
    set: { [`${ADDRESS}.protocol`]: "UDP" },
    error: `${ADDRESS}.protocol: must be TCP`,
  },
  {
    title: "a pipe is refused",
    set: { [`${FIRST}.endpoint.address`]: { pipe: { path: "/tmp/x" } } },
    error: `${FIRST}.endpoint.address.pipe: is not supported`,
  },
  {
    title: "a named port is refused",
    set: { [ADDRESS]: { address: "10.0.0.9", named_port: "http" } },
    error: `${ADDRESS}.named_port: is not supported`,
  },
  {
    title: "an address with a zone is refused",
    set: { [`${ADDRESS}.address`]: "fe80::1%eth0" },
    error: `${ADDRESS}.address: must not carry a zone`,
  },
  {
    title: "an endpoint that stands twice is refused",
    set: { [`${ADDRESS}.address`]: "10.0.0.2" },
    error: "endpoints[0].lb_endpoints[1].endpoint.address: 10.0.0.2:80 stands twice",
  },
  {
    title: "an endpoint that stands twice in two spellings of IPv6 is refused",
    set: { [`${ADDRESS}.address`]: "::1", "endpoints[0].lb_endpoints[1]": endpoint("0:0:0:0:0:0:0:1") },
    error: "endpoints[0].lb_endpoints[1].endpoint.address: [::1]:80 stands twice",
  },
  {
    title: "a locality that stands twice with the same priority is refused",
    set: { "endpoints[1]": { locality: { region: "eu", zone: "a" }, lb_endpoints: [endpoint("10.0.0.3")] } },
    error: "endpoints[1].locality: stands twice with priority 0",
  },
  {
    title: "a gap in the priorities is refused",
    set: { "endpoints[1]": { priority: 2, lb_endpoints: [endpoint("10.0.0.3")] } },
    error: "endpoints: has no priority 1 but priority 2",
  },
  {
    title: "a weight of 0 is refused",
    set: { [`${FIRST}.load_balancing_weight`]: 0 },
    error: `${FIRST}.load_balancing_weight: must be from 1 to`,
  },
  {
    title: "endpoint weights that overflow 32 bits are refused",
    set: { [`${FIRST}.load_balancing_weight`]: 4_294_967_295 },
    error: "endpoints[0].lb_endpoints: has weights that add up to 4294967296",
  },
  {
    title: "locality weights that overflow 32 bits are refused",
    set: {
      "endpoints[0].load_balancing_weight": 4_294_967_295,
      "endpoints[1]": { load_balancing_weight: 1, lb_endpoints: [endpoint("10.0.0.3")] },
    },
    error: "endpoints[1].load_balancing_weight: brings the sum of priority 0 over 4294967295",
  },
  {
    title: "an endpoint by name is refused: its host would be lost",
    set: { [FIRST]: { endpoint_name: "x" } },
    error: `${FIRST}.endpoint_name: is not supported`,
  },
  {
    title: "LEDS is refused: its hosts would be lost",
    set: {
      "endpoints[0].leds_cluster_locality_config": { leds_collection_name: "x" },
      "endpoints[0].lb_endpoints": [],
    },
    error: "endpoints[0].leds_cluster_locality_config: is not supported",
  },
  {
    title: "an overprovisioning factor of 0 is refused",
    set: { "policy.overprovisioning_factor": 0 },
    error: "policy.overprovisioning_factor: must be from 1",
  },
  {
    title: "an unknown denominator is refused",
    set: { "policy.drop_overloads": [{ category: "a", drop_percentage: { numerator: 1, denominator: 9 } }] },
    error: "policy.drop_overloads[0].drop_percentage.denominator: must be HUNDRED",
  },
  {
    title: "more endpoints than the limit are refused",
    set: {},
    context: { limits: { ...MODEL_LIMITS, endpoints: 1 } },
    error: "endpoints[0].lb_endpoints: brings the assignment to 2 endpoints; at most 1",
  },
  {
    title: "a field that is known and not supported gives a warning",
    set: { [`${FIRST}.endpoint.health_check_config`]: { hostname: "x" } },
    warning: `${FIRST}.endpoint.health_check_config.hostname: is not supported and has no effect`,
  },
]);

test("a drop of more than all requests counts as all of them", () => {
  const json = changed(BASE, {
    "policy.drop_overloads": [{ category: "a", drop_percentage: { numerator: 250 } }],
  });
  assert.deepEqual(accepted(CLUSTER_LOAD_ASSIGNMENT, json).drops, [{ category: "a", fraction: 1 }]);
});

test("problems are told up to a bound, and the rest is counted", () => {
  const bad = Array.from({ length: 150 }, (_, index) => endpoint(`host-${index}`));
  const { problems, value } = readBoth(CLUSTER_LOAD_ASSIGNMENT, {
    cluster_name: "a",
    endpoints: [{ lb_endpoints: bad }],
  });
  assert.equal(value, undefined);
  assert.equal(problems.length, 101);
  assert.equal(problems[100]?.reason, "has 50 more problems, not told here");
});

test("ten thousand endpoints are each looked up once, not compared with each other", () => {
  const list = Array.from({ length: 10_000 }, (_, i) =>
    endpoint(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`),
  );
  const { bytes } = CLUSTER_LOAD_ASSIGNMENT.encode({
    cluster_name: "a",
    endpoints: [{ lb_endpoints: list }],
  });
  assert.ok(bytes);
  let lookups = 0;
  const has = Set.prototype.has;
  Set.prototype.has = function (this: Set<unknown>, value: unknown) {
    lookups++;
    return has.call(this, value);
  };
  try {
    const { value } = CLUSTER_LOAD_ASSIGNMENT.decode(bytes, XDS_CONTEXT);
    assert.equal(value?.localities[0]?.endpoints.length, 10_000);
  } finally {
    Set.prototype.has = has;
  }
  assert.ok(lookups >= 10_000 && lookups < 20_000, `${lookups} lookups`);
});
