import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import pino from "pino";
import type { StreamHandlers } from "../../../xds/client/ads-transport.ts";
import { modelDecoders } from "../../../xds/client/decoders.ts";
import { nodeMessage } from "../../../xds/client/node-identity.ts";
import { XdsClient } from "../../../xds/client/xds-client.ts";
import type { Configuration } from "../../../xds/model/configuration.ts";
import { XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { DiscoveryResponseSchema } from "../../../xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { AnyResource } from "../../../xds/protocol/client-response.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { CDS, EDS, edsCluster, endpoints, LDS, RDS, rdsListener, routes } from "../../support/resources.ts";

const SEED = 20_261_121;

/** A client on a stream that is in the test's hands. */
function connected() {
  let stream: StreamHandlers | undefined;
  let sent = 0;
  const clock = new FakeClock();
  const configurations: Configuration[] = [];
  const client = new XdsClient({
    transport: {
      target: "test",
      connect(handlers) {
        stream = handlers;
        return { send: () => sent++, pause: () => {}, resume: () => {}, abort: () => {} };
      },
    },
    node: nodeMessage(
      { id: "n", cluster: "c", locality: { region: "", zone: "", subZone: "" }, metadata: {} },
      "0",
    ),
    listeners: [],
    clusters: [],
    decoders: modelDecoders(XDS_CONTEXT),
    clock,
    random: () => 0.5,
    logger: pino({ level: "silent" }),
    applyIntervalMs: 0,
    onConfiguration: (next) => configurations.push(next),
  });
  client.start();
  stream!.open();
  return { client, clock, configurations, stream: () => stream!, sent: () => sent };
}

function response(typeUrl: string, version: string, resources: readonly AnyResource[]): Uint8Array {
  return toBinary(
    DiscoveryResponseSchema,
    create(DiscoveryResponseSchema, {
      typeUrl,
      versionInfo: version,
      nonce: version,
      resources: resources.map(({ typeUrl, value }) => ({ typeUrl, value })),
    }),
  );
}

/** Responses that make sense, from few names, so that they refer to each other. */
const name = fc.constantFrom("a", "b", "c");
const sensible: fc.Arbitrary<readonly [string, AnyResource[]]> = fc.oneof(
  fc.array(name).map((names) => [CDS, names.map((each) => edsCluster(each))] as const),
  fc.array(name).map((names) => [EDS, names.map((each, i) => endpoints(each, 9000 + i))] as const),
  fc.array(name).map((names) => [LDS, names.map((each) => rdsListener(each, each))] as const),
  fc.array(fc.tuple(name, name)).map((pairs) => [RDS, pairs.map(([a, b]) => routes(a, b))] as const),
);

type Step = (subject: ReturnType<typeof connected>, index: number) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: sensible.map(
      ([type, all]): Step =>
        ({ stream }, i) =>
          stream().message(response(type, `${i}`, all)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(sensible, fc.nat(), fc.nat({ max: 255 })).map(
      ([[type, all], at, byte]): Step =>
        ({ stream }, i) => {
          const bytes = response(type, `${i}`, all);
          bytes[at % bytes.length] = byte;
          stream().message(bytes);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 64 }).map(
      (bytes): Step =>
        ({ stream }) =>
          stream().message(bytes),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat({ max: 40_000 }).map(
      (ms): Step =>
        ({ clock }) =>
          clock.advance(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Step>(({ stream, clock }) => {
      stream().close({ code: "UNAVAILABLE", reason: "gone" });
      clock.advance(30_000);
      stream().open();
    }),
  },
);

test("whatever arrives, and in whatever order, each configuration is whole and the last state is reached", () => {
  const holds = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const subject = connected();
    for (const [index, run] of steps.entries()) run(subject, index);
    const { client, clock, configurations, stream } = subject;

    let generation = 0;
    for (const configuration of configurations) {
      assert.equal(configuration.generation, ++generation);
      for (const [key, { cluster, assignment }] of configuration.clusters) {
        assert.equal(cluster.value.name, key);
        if (cluster.value.discovery.kind === "eds") {
          assert.equal(assignment.value.clusterName, cluster.value.discovery.serviceName);
        }
      }
    }

    stream().message(response(CDS, "end", [edsCluster("a")]));
    stream().message(response(EDS, "end", [endpoints("a", 1)]));
    stream().message(response(LDS, "end", [rdsListener("l", "r")]));
    stream().message(response(RDS, "end", [routes("r", "a")]));
    const { clusters, listeners, routeTables } = client.configuration;
    assert.deepEqual(
      [[...clusters.keys()], [...listeners.keys()], [...routeTables.keys()]],
      [["a"], ["l"], ["r"]],
    );
    assert.equal(clusters.get("a")?.assignment.value.localities[0]?.endpoints[0]?.port, 1);

    client.close();
    assert.equal(clock.pending, 0, "no timer is left");
  });
  fc.assert(holds, { seed: SEED, numRuns: 150 });
});
