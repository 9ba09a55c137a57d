import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Random, seededRandom } from "../../../xds/common/random.ts";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../../../xds/model/endpoints-from-proto.ts";
import { LISTENER } from "../../../xds/model/listener-from-proto.ts";
import { type ResourceType, XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { ROUTE_CONFIGURATION } from "../../../xds/model/routes-from-proto.ts";
import { SAMPLES } from "./samples.ts";

const { DASHPOT_FUZZ_SEED: chosen = "20261121" } = process.env;
const SEED = Number(chosen);
const RANDOM_INPUTS = 2_000;
const MUTATIONS = 1_500;

const TYPES: readonly ResourceType<unknown>[] = [
  LISTENER,
  ROUTE_CONFIGURATION,
  CLUSTER,
  CLUSTER_LOAD_ASSIGNMENT,
];

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Reading never throws, and gives a value exactly when no problem is an error. */
function check(type: ResourceType<unknown>, bytes: Uint8Array, what: string): void {
  try {
    const { value, problems } = type.decode(bytes, XDS_CONTEXT);
    const failed = problems.some(({ severity }) => severity === "error");
    assert.equal(value === undefined, failed, "a value goes with no error, and only then");
  } catch (error) {
    throw new Error(`${what}, seed ${SEED}, ${type.short} ${Buffer.from(bytes).toString("hex")}`, {
      cause: error,
    });
  }
}

test("bytes that are no message are told as such, with the message that they should be", () => {
  const { problems } = CLUSTER.decode(Buffer.from("garbage"), XDS_CONTEXT);
  assert.equal(problems.length, 1);
  assert.match(problems[0]?.reason ?? "", /^does not decode as envoy\.config\.cluster\.v3\.Cluster: \S/);
});

test("random bytes are never more than a refusal", () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < RANDOM_INPUTS; round++) {
    const bytes = Uint8Array.from({ length: below(random, 200) }, () => below(random, 256));
    for (const type of TYPES) check(type, bytes, `round ${round}`);
  }
});

test("good resources with bytes changed, lost, doubled or cut off are never more than a refusal", () => {
  const random = seededRandom(SEED + 1);
  for (const { type, json } of SAMPLES) {
    const { bytes } = type.encode(json);
    assert.ok(bytes);
    for (let round = 0; round < MUTATIONS; round++) check(type, mutate(bytes, random), `round ${round}`);
  }
});

function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let changed = [...bytes];
  for (let times = 1 + below(random, 4); times > 0; times--) {
    const at = below(random, changed.length);
    const kind = below(random, 4);
    if (kind === 0) changed[at] = below(random, 256);
    else if (kind === 1) changed.splice(at, 1 + below(random, 8));
    else if (kind === 2) changed.splice(at, 0, ...changed.slice(at, at + 16));
    else changed = changed.slice(0, at + 1);
    if (changed.length === 0) changed = [0];
  }
  return Uint8Array.from(changed);
}

test("good resources with any value of their JSON replaced are never more than a refusal", () => {
  const random = seededRandom(SEED + 2);
  for (const { type, json } of SAMPLES) {
    for (let round = 0; round < MUTATIONS / 3; round++) {
      const changed = replaceOne(json, random);
      try {
        const { value, problems } = type.fromJson(changed, XDS_CONTEXT);
        const failed = problems.some(({ severity }) => severity === "error");
        assert.equal(value === undefined, failed);
      } catch (error) {
        throw new Error(`round ${round}, seed ${SEED}, ${type.short} ${JSON.stringify(changed)}`, {
          cause: error,
        });
      }
    }
  }
});

const ODD: readonly JsonValue[] = [
  null,
  true,
  -1,
  1.5,
  1e300,
  "",
  "x",
  "9".repeat(30),
  "-5s",
  "%",
  "\u0000",
  "NaN",
  [],
  {},
  [[]],
  { "@type": "x" },
  { __proto__x: 1 },
];

function replaceOne(json: JsonObject, random: Random): JsonValue {
  const places: (() => void)[] = [];
  const root = structuredClone(json);
  const walk = (here: JsonValue): void => {
    if (typeof here !== "object" || here === null) return;
    const container = here as Record<string | number, JsonValue>;
    for (const key of Object.keys(here)) {
      places.push(() => {
        container[key] = ODD[below(random, ODD.length)] ?? null;
      });
      walk(container[key] ?? null);
    }
  };
  walk(root);
  places[below(random, places.length)]?.();
  return root;
}

test("a key named __proto__ changes nothing but is refused", () => {
  const json = JSON.parse('{"name":"a","__proto__":{"type":"EDS"}}') as JsonObject;
  const { problems } = CLUSTER.fromJson(json, XDS_CONTEXT);
  assert.match(problems[0]?.reason ?? "", /unknown key "__proto__"/);
});
