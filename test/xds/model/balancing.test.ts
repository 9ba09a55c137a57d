import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { accepted, changed, readBoth, testRefusals } from "./cases.ts";

const BASE: JsonObject = { name: "orders", type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } };
const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";
const FIRST = "load_balancing_policy.policies[0].typed_extension_config.typed_config";

function typed(config: JsonObject): JsonObject {
  return { typed_extension_config: { name: "x", typed_config: config } };
}

function own(type: string, value: JsonObject): JsonObject {
  return typed({
    "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
    type_url: `type.googleapis.com/dashpot.v1.${type}`,
    value,
  });
}

function cluster(fields: JsonObject) {
  return accepted(CLUSTER, { ...BASE, ...fields });
}

function policy(...configs: JsonObject[]) {
  return cluster({ load_balancing_policy: { policies: configs } });
}

test("a cluster that names no policy, or only the enum's zero, gets the sidecar's default", () => {
  assert.deepEqual(cluster({}).balancing, { kind: "default" });
  assert.deepEqual(cluster({ lb_policy: "ROUND_ROBIN" }).balancing, { kind: "default" });
});

test("round robin that is meant is round robin", () => {
  const slowStart = { windowMs: 30_000, aggression: 1, minWeight: 0.1 };
  const options = { slow_start_config: { slow_start_window: "30s" } };
  assert.deepEqual(cluster({ round_robin_lb_config: options }).balancing, { kind: "round_robin", slowStart });
  const named = policy(typed({ "@type": `${POLICIES}.round_robin.v3.RoundRobin`, ...options }));
  assert.deepEqual(named.balancing, { kind: "round_robin", slowStart });
});

test("each policy of the enum is read with its options", () => {
  assert.deepEqual(
    cluster({
      lb_policy: "LEAST_REQUEST",
      least_request_lb_config: { choice_count: 3, active_request_bias: { default_value: 0 } },
    }).balancing,
    { kind: "least_request", choiceCount: 3, activeRequestBias: 0, fullScan: false, slowStart: undefined },
  );
  assert.deepEqual(cluster({ lb_policy: "RANDOM" }).balancing, { kind: "random" });
  assert.deepEqual(
    cluster({
      lb_policy: "RING_HASH",
      ring_hash_lb_config: { minimum_ring_size: "100" },
      common_lb_config: {
        consistent_hashing_lb_config: { use_hostname_for_hashing: true, hash_balance_factor: 150 },
      },
    }).balancing,
    { kind: "ring_hash", minimumSize: 100, maximumSize: 4_096, useHostname: true, balanceFactor: 150 },
  );
  assert.deepEqual(cluster({ lb_policy: "MAGLEV" }).balancing, {
    kind: "maglev",
    tableSize: 65_537,
    useHostname: false,
    balanceFactor: undefined,
  });
});

test("each typed policy is read with its options", () => {
  const kinds = [
    { "@type": `${POLICIES}.least_request.v3.LeastRequest`, selection_method: "FULL_SCAN" },
    { "@type": `${POLICIES}.random.v3.Random` },
    { "@type": `${POLICIES}.ring_hash.v3.RingHash`, hash_function: "XX_HASH" },
    { "@type": `${POLICIES}.maglev.v3.Maglev`, table_size: "65537" },
    { "@type": `${POLICIES}.peak_ewma.v3alpha.PeakEwma`, decay_time: "5s" },
  ].map((config) => policy(typed(config)).balancing);
  assert.deepEqual(kinds[0], {
    kind: "least_request",
    choiceCount: 2,
    activeRequestBias: 1,
    fullScan: true,
    slowStart: undefined,
  });
  assert.deepEqual(
    kinds.map(({ kind }) => kind),
    ["least_request", "random", "ring_hash", "maglev", "peak_ewma"],
  );
  assert.deepEqual(kinds[4], { kind: "peak_ewma", decayMs: 5_000, defaultRttMs: 10, choiceCount: 2 });
});

test("weighted round robin by load reports stands inside the locality policy, as in gRPC", () => {
  const inner = {
    "@type": `${POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
    weight_update_period: "0.01s",
  };
  const outer = {
    "@type": `${POLICIES}.wrr_locality.v3.WrrLocality`,
    endpoint_picking_policy: { policies: [typed(inner)] },
  };
  const { balancing, locality } = policy(typed(outer));
  assert.equal(locality.kind, "weighted");
  assert.deepEqual(balancing, {
    kind: "client_side_weighted_round_robin",
    blackoutMs: 10_000,
    weightExpirationMs: 180_000,
    weightUpdateMs: 100,
    errorUtilizationPenalty: 1,
    metricNames: [],
  });
});

test("a typed policy brings its own locality policy", () => {
  const random = { "@type": `${POLICIES}.random.v3.Random` };
  assert.equal(
    policy(typed({ ...random, locality_lb_config: { locality_weighted_lb_config: {} } })).locality.kind,
    "weighted",
  );
  assert.equal(policy(typed(random)).locality.kind, "none");
});

test("the first policy that is supported is taken", () => {
  const pickFirst = typed({ "@type": `${POLICIES}.pick_first.v3.PickFirst` });
  const foreign = typed({
    "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
    type_url: "type.googleapis.com/example.Policy",
    value: {},
  });
  const adaptive = own("Adaptive", {});
  const random = typed({ "@type": `${POLICIES}.random.v3.Random` });
  assert.equal(policy(pickFirst, foreign, adaptive, random).balancing.kind, "adaptive");
});

test("every option of the adaptive policy is read", () => {
  const value = {
    scan_limit: 16,
    decay_time: "2.5s",
    weight_update_period: "500ms",
    exploration_floor: 0.02,
    slow_start: { window: "1m", aggression: 2, min_weight: 0.2 },
  };
  assert.deepEqual(policy(own("Adaptive", value)).balancing, {
    kind: "adaptive",
    scanLimit: 16,
    decayMs: 2_500,
    weightUpdateMs: 500,
    explorationFloor: 0.02,
    slowStart: { windowMs: 60_000, aggression: 2, minWeight: 0.2 },
  });
  assert.deepEqual(policy(own("PeakEwma", { default_rtt: "1ms" })).balancing, {
    kind: "peak_ewma",
    decayMs: 10_000,
    defaultRttMs: 1,
    choiceCount: 2,
  });
});

test("the adaptive policy may also be written as a type of its own", () => {
  const json = {
    ...BASE,
    load_balancing_policy: {
      policies: [typed({ "@type": "type.googleapis.com/dashpot.v1.Adaptive", scan_limit: 300 })],
    },
  };
  const { problems } = CLUSTER.fromJson(json, XDS_CONTEXT);
  assert.deepEqual(problems, [
    {
      path: `${FIRST}.scan_limit`,
      reason: "must be a whole number from 2 to 256, not 300",
      severity: "error",
    },
  ]);
});

test("a ring over the sidecar's limit is cut, and says so", () => {
  const { value, problems } = readBoth(
    CLUSTER,
    changed(BASE, { lb_policy: "RING_HASH", "ring_hash_lb_config.minimum_ring_size": "8000" }),
  );
  assert.equal(value?.balancing.kind === "ring_hash" && value.balancing.minimumSize, 4_096);
  assert.deepEqual(
    problems.map(({ path, severity }) => [path, severity]),
    [["ring_hash_lb_config.minimum_ring_size", "warning"]],
  );
});

testRefusals(CLUSTER, BASE, [
  {
    title: "a policy of the enum that has no meaning here is refused, not replaced",
    set: { lb_policy: "CLUSTER_PROVIDED" },
    error: "lb_policy: must be ROUND_ROBIN",
  },
  {
    title: "the enum's pointer to a policy that is not there is refused",
    set: { lb_policy: "LOAD_BALANCING_POLICY_CONFIG" },
    error: "load_balancing_policy: is required",
  },
  {
    title: "a list without a supported policy is refused",
    set: { load_balancing_policy: { policies: [typed({ "@type": `${POLICIES}.pick_first.v3.PickFirst` })] } },
    error:
      "load_balancing_policy.policies: names no policy that is supported: it holds only envoy.extensions.load_balancing_policies.pick_first",
  },
  {
    title: "an empty list of policies is refused",
    set: { load_balancing_policy: {} },
    error: "load_balancing_policy.policies: names no policy that is supported: it is empty",
  },
  {
    title: "a supported policy that is wrong is not passed over",
    set: {
      load_balancing_policy: {
        policies: [
          typed({ "@type": `${POLICIES}.least_request.v3.LeastRequest`, choice_count: 1 }),
          typed({ "@type": `${POLICIES}.random.v3.Random` }),
        ],
      },
    },
    error: `${FIRST}.choice_count: must be from 2`,
  },
  {
    title: "a ring over Envoy's limit is refused",
    set: { lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: "9000000" } },
    error: "ring_hash_lb_config.minimum_ring_size: must be from 1 to 8388608",
  },
  {
    title: "a ring whose minimum is over its maximum is refused",
    set: { lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: "9", maximum_ring_size: "8" } },
    error: "ring_hash_lb_config.minimum_ring_size: must not be over",
  },
  {
    title: "another hash function is refused",
    set: { lb_policy: "RING_HASH", ring_hash_lb_config: { hash_function: "MURMUR_HASH_2" } },
    error: "ring_hash_lb_config.hash_function: must be XX_HASH",
  },
  {
    title: "a Maglev table that is not prime is refused",
    set: { lb_policy: "MAGLEV", maglev_lb_config: { table_size: "65536" } },
    error: "maglev_lb_config.table_size: must be a prime number",
  },
  {
    title: "a misspelt option of the adaptive policy is refused with the nearest",
    set: { load_balancing_policy: { policies: [own("Adaptive", { scan_limt: 8 })] } },
    error: `${FIRST}.value.scan_limt: unknown key "scan_limt" (did you mean "scan_limit"?)`,
  },
  {
    title: "an option of the adaptive policy of the wrong type is refused",
    set: { load_balancing_policy: { policies: [own("Adaptive", { exploration_floor: "1%" })] } },
    error: `${FIRST}.value.exploration_floor: must be a number from 0 to 0.5, not "1%"`,
  },
  {
    title: "a negative error penalty is refused",
    set: {
      load_balancing_policy: {
        policies: [
          typed({
            "@type": `${POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
            error_utilization_penalty: -1,
          }),
        ],
      },
    },
    error: `${FIRST}.error_utilization_penalty: must be from 0`,
  },
]);

test("a policy nested deeper than the limit is refused", () => {
  let config: JsonObject = { "@type": `${POLICIES}.random.v3.Random` };
  for (let depth = 0; depth < 10; depth++) {
    config = {
      "@type": `${POLICIES}.wrr_locality.v3.WrrLocality`,
      endpoint_picking_policy: { policies: [typed(config)] },
    };
  }
  const { value, problems } = readBoth(CLUSTER, {
    ...BASE,
    load_balancing_policy: { policies: [typed(config)] },
  });
  assert.equal(value, undefined);
  assert.match(problems[0]?.reason ?? "", /^is nested too deeply: at most 8/);
});
