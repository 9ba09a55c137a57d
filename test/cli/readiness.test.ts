import assert from "node:assert/strict";
import test from "node:test";
import { Readiness } from "../../sidecar/cli/readiness.ts";
import type { ListenerView, SidecarProxy } from "../../sidecar/proxy/index.ts";
import type { XdsStatus } from "../../xds/client/client-status.ts";
import { XDS_STATUS } from "../support/admin-bed.ts";
import { FakeClock } from "../support/fake-clock.ts";

const LISTENER: ListenerView = {
  name: "outbound",
  version: "1",
  address: { host: "127.0.0.1", port: 15_001 },
  bound: undefined,
  failure: "",
  kind: "http",
  routes: "r",
};
const SERVER = {
  target: "127.0.0.1:18000",
  state: "waiting" as const,
  connectedSince: undefined,
  lastResponse: undefined,
  connects: 0,
  failures: 1,
  lastFailure: { reason: "ECONNREFUSED", at: 0 },
};

test("what is missing is told step by step, until everything is there, and then never again", async () => {
  let xds: XdsStatus = { ...XDS_STATUS, initialized: false, servers: [SERVER] };
  let listener = LISTENER;
  const clock = new FakeClock();
  const client = {
    get initialized() {
      return xds.initialized;
    },
    status: () => xds,
  };
  const proxy = { listeners: () => [listener] } as unknown as SidecarProxy;
  const readiness = new Readiness(proxy, client, clock);
  assert.equal(readiness.missing, "the control server 127.0.0.1:18000 does not answer (ECONNREFUSED)");
  xds = { ...xds, servers: [{ ...SERVER, state: "connected" as const }] };
  assert.equal(readiness.missing, "the control server has not sent the first configuration");
  xds = { ...xds, warming: { clusters: ["a", "b", "c", "d", "e", "f"], listeners: ["l"] } };
  assert.equal(readiness.missing, "the control server has not sent what a, b, c, d, e and 2 more need");
  xds = { ...xds, initialized: true };
  assert.equal(readiness.missing, "the listeners are not bound yet");
  listener = { ...LISTENER, failure: "EADDRINUSE" };
  assert.equal(readiness.missing, "listener outbound is not bound: EADDRINUSE");
  listener = { ...LISTENER, bound: LISTENER.address };
  clock.advance(20);
  await readiness.settled;
  xds = { ...xds, initialized: false };
  assert.equal(readiness.missing, "");
});
