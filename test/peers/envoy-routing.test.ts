import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { whyNoEnvoy } from "../support/envoy.ts";
import { ScriptedBackend } from "../support/raw-http.ts";
import { answerTo, differenceOf } from "./ask.ts";
import { routingBootstrap } from "./routing-bootstrap.ts";
import { readRoutingCases } from "./routing-case.ts";
import { type RoutingPeer, startDashpot, startEnvoy } from "./routing-peers.ts";
import { type Sightings, WitnessBackend } from "./witness-backend.ts";

const cases = readRoutingCases();
const skip = whyNoEnvoy() ?? false;

suite("what routes mean to Envoy, they mean to the sidecar", { skip, concurrency: 16 }, () => {
  const sightings: Sightings = new Map();
  const backends: WitnessBackend[] = [];
  const peers: RoutingPeer[] = [];

  before(async () => {
    const names = ["origin", "other", "many-0", "many-1", "many-2", "many-3"];
    for (const name of names) backends.push(await WitnessBackend.start(name, sightings));
    const [origin = 0, other = 0, ...many] = backends.map(({ port }) => port);
    const dead = await ScriptedBackend.deadPort();
    const bootstrap = routingBootstrap(cases, { origin, other, many, dead });
    peers.push(...(await Promise.all([startEnvoy(bootstrap), startDashpot(bootstrap)])));
  });

  after(async () => {
    for (const peer of peers) await peer.stop();
    for (const backend of backends) backend.close();
  });

  cases.forEach(({ name, asks }, index) => {
    test(name, async () => {
      const [envoy, dashpot] = peers as [RoutingPeer, RoutingPeer];
      const wrong: string[] = [];
      for (const ask of asks) {
        const theirs = await answerTo(ask, envoy.port(`case-${index}`), sightings);
        const ours = await answerTo(ask, dashpot.port(`case-${index}`), sightings);
        const difference = differenceOf(theirs, ours);
        if (difference !== undefined && ask.differs === "") wrong.push(`${ask.name}\n${difference}`);
        if (difference === undefined && ask.differs !== "")
          wrong.push(`${ask.name}: agrees, although there is a reason not to`);
      }
      assert.equal(wrong.join("\n\n"), "");
    });
  });
});
