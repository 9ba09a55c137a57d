import assert from "node:assert/strict";
import { test } from "node:test";
import { cluster, GET, ProxyBed, versioned } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

test("an endpoint whose first address does not connect is reached by its further ones, and is not blamed", async (t) => {
  const backend = await ScriptedBackend.answering("reached");
  t.after(() => backend.close());
  const [first, second] = [await ScriptedBackend.deadPort(), await ScriptedBackend.deadPort()];
  const made = cluster("orders", [first]);
  const assignment = structuredClone(made.assignment.value);
  Object.assign(assignment.localities[0]?.endpoints[0] ?? {}, {
    additionalAddresses: [
      { host: "127.0.0.1", port: second },
      { host: "127.0.0.1", port: backend.port },
    ],
  });
  const bed = await ProxyBed.start({ clusters: [{ ...made, assignment: versioned(assignment) }] });
  t.after(() => bed.close());
  for (let i = 0; i < 5; i++) assert.match(await bed.ask(GET), /reached$/);
  assert.deepEqual(
    bed.recorder.exchanges.map(({ attempts }) => attempts.map(({ outcome }) => outcome)),
    Array.from({ length: 5 }, () => ["success"]),
  );
  const [view] = bed.proxy.clusters();
  assert.deepEqual(
    view?.balancer.endpoints.map(({ failures }) => failures),
    [0],
  );
  await backend.close();
  assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: U/);
});
