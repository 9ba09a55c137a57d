import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { parse } from "yaml";
import { CLUSTER } from "../../xds/model/cluster-from-proto.ts";
import { FIELDS_PAGE, withFields } from "../../xds/model/fields-reference.ts";
import { XDS_CONTEXT } from "../../xds/model/resource-type.ts";

const page = readFileSync(FIELDS_PAGE, "utf8");

test("the fields in docs/xds.md are those that the model honours, refuses and warns of", () => {
  assert.equal(page, withFields(page), "run node xds/model/fields-reference.ts");
});

test("the policy that docs/xds.md shows is accepted, and is adaptive with the options it names", () => {
  const example = /```yaml\n(load_balancing_policy:\n.*?)```/s.exec(page)?.[1] ?? "";
  const cluster = {
    name: "orders",
    type: "EDS",
    eds_cluster_config: { eds_config: { ads: {} } },
    ...(parse(example) as JsonObject),
  };
  const { value, problems } = CLUSTER.fromJson(cluster, XDS_CONTEXT);
  assert.deepEqual(problems, []);
  assert.deepEqual(value?.balancing, {
    kind: "adaptive",
    scanLimit: 32,
    decayMs: 5_000,
    weightUpdateMs: 1_000,
    explorationFloor: 0.003,
    slowStart: { windowMs: 5_000, aggression: 1, minWeight: 0.1 },
  });
});
