import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeProblem } from "../../../xds/common/problem.ts";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { LISTENER } from "../../../xds/model/listener-from-proto.ts";
import { XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { ROUTE_CONFIGURATION } from "../../../xds/model/routes-from-proto.ts";

function told(json: JsonValue): string[] {
  return CLUSTER.fromJson(json, XDS_CONTEXT).problems.map(describeProblem);
}

test("all mistakes of shape are told at once, each with what is allowed", () => {
  assert.deepEqual(
    told({
      nmae: "a",
      type: "EDSS",
      connect_timeout: 5,
      per_connection_buffer_limit_bytes: -1,
      respect_dns_ttl: "yes",
      health_checks: {},
      load_assignment: { endpoints: [{ priority: 1.5, lb_endpoints: [[]] }] },
      alt_stat_name: 7,
    }),
    [
      'nmae: unknown key "nmae" (did you mean "name"?)',
      'type: must be one of STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST, not "EDSS" (did you mean "EDS"?)',
      'connect_timeout: must be a duration in seconds, such as "5s" or "0.25s", not 5',
      "per_connection_buffer_limit_bytes: must be a whole number from 0 to 4294967295, not -1",
      'respect_dns_ttl: must be true or false, not "yes"',
      "health_checks: must be a list, not a mapping",
      "load_assignment.endpoints[0].priority: must be a whole number from 0 to 4294967295, not 1.5",
      "load_assignment.endpoints[0].lb_endpoints[0]: must be a mapping of keys to values, not a list",
      "alt_stat_name: must be text, not 7",
    ],
  );
});

test("a resource that is no mapping is refused", () => {
  for (const json of [null, 1, "x", [], true]) assert.equal(told(json).length, 1);
});

test("paths keep the author's spelling, camel case or snake case", () => {
  assert.deepEqual(told({ name: "a", type: "EDS", edsClusterConfig: { edsConfig: { path: "/x" } } }), [
    "edsClusterConfig.edsConfig: must be ads or self: Dashpot reads one aggregated stream",
  ]);
});

test("two members of one choice, or one in two spellings, are refused", () => {
  assert.deepEqual(told({ lb_policy: "RANDOM", lbPolicy: "RANDOM" }), [
    'lbPolicy: cannot stand beside "lb_policy": only one of them may be set',
  ]);
  assert.deepEqual(told({ type: "EDS", cluster_type: {} }), [
    'cluster_type: cannot stand beside "type": only one of them may be set',
  ]);
});

test("an Any needs its type", () => {
  const json = { name: "a", transport_socket: { name: "x", typed_config: {} } };
  assert.deepEqual(told(json), [
    'transport_socket.typed_config: must be a mapping with the type of its content under "@type"',
  ]);
});

test("the content of an Any is checked like the rest", () => {
  const typed = {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    snii: "x",
  };
  assert.deepEqual(told({ transport_socket: { name: "x", typed_config: typed } }), [
    'transport_socket.typed_config.snii: unknown key "snii" (did you mean "sni"?)',
  ]);
});

test("what is published for others keeps the content of a type that is not known, with a warning", () => {
  const guard = { "@type": "type.googleapis.com/example.v1.Guard", level: 3 };
  const { bytes, problems } = LISTENER.encode({
    name: "l",
    listener_filters: [{ name: "guard", typed_config: guard }],
  });
  assert.deepEqual(
    problems.map(({ severity, path }) => [severity, path]),
    [["warning", "listener_filters[0].typed_config.@type"]],
  );
  assert.ok(Buffer.from(bytes!).includes("xds.type.v3.TypedStruct"));
  assert.ok(Buffer.from(bytes!).includes("example.v1.Guard"));
});

test("publishing checks the shape and not the meaning: other clients may understand more", () => {
  const json = { name: "r", vhds: { config_source: { ads: {} } } };
  assert.deepEqual(ROUTE_CONFIGURATION.encode(json).problems, []);
  assert.equal(ROUTE_CONFIGURATION.fromJson(json, XDS_CONTEXT).value, undefined);
});

test("integers of 64 bits are read from text without loss, and numbers that lost digits are refused", () => {
  const ring = (size: JsonValue) =>
    told({
      name: "a",
      type: "EDS",
      eds_cluster_config: { eds_config: { ads: {} } },
      lb_policy: "RING_HASH",
      ring_hash_lb_config: { minimum_ring_size: size },
    });
  assert.deepEqual(ring("1024"), []);
  assert.match(ring(2 ** 60)[0] ?? "", /must be a whole number/);
  assert.match(ring("12x")[0] ?? "", /must be a whole number/);
});

test("nesting without end is refused before the stack runs out", () => {
  let predicate: JsonValue = { any_match: true };
  for (let depth = 0; depth < 5_000; depth++) predicate = { not_match: predicate };
  const { problems } = LISTENER.fromJson(
    { listener_filters: [{ name: "x", filter_disabled: predicate }] },
    XDS_CONTEXT,
  );
  assert.match(problems[0]?.reason ?? "", /nested too deeply: at most 64 levels/);
});

test("free-form content nested without end is refused beside content of an unknown type", () => {
  let value: JsonValue = {};
  for (let depth = 0; depth < 20_000; depth++) value = { next: value };
  const guard = { "@type": "type.googleapis.com/example.v1.Guard" };
  const json = {
    name: "a",
    metadata: { filter_metadata: { a: value } },
    transport_socket: { name: "x", typed_config: guard },
  };
  const { value: read, problems } = CLUSTER.fromJson(json as JsonValue, XDS_CONTEXT);
  assert.equal(read, undefined);
  assert.match(problems[0]?.reason ?? "", /depth/);
});
