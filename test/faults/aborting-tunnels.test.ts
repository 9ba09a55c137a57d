import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import { eventually } from "../support/eventually.ts";
import { cluster, forward, ProxyBed, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { type RawConnection, ScriptedBackend } from "../support/raw-http.ts";

const SEED = 20_260_104;
const TUNNELS = 1_000;
const CALLERS = 20;

const connect = {
  path: { kind: "connect" as const },
  headers: [],
  query: [],
  grpcOnly: false,
  fraction: undefined,
};
const UPGRADE = "GET /chat HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const CONNECT = "CONNECT orders:443 HTTP/1.1\r\nHost: orders:443\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

test("tunnels that either side drops at a random moment leave nothing behind", async (t) => {
  const random = seededRandom(SEED);
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  /** Says a little and leaves: by a reset, by FIN and silence, or by closing. */
  const chatter = async (connection: RawConnection): Promise<void> => {
    for (let words = random() * 4; words > 0; words--) {
      connection.send("word ".repeat(random() * 4_000));
      await turns(random() * 3);
    }
    const lot = random();
    if (lot < 0.3) connection.socket.resetAndDestroy();
    else if (lot < 0.6) connection.socket.destroy();
    else {
      connection.socket.end();
      await turns(random() * 20);
      connection.socket.destroy();
    }
  };
  const backend = await ScriptedBackend.start(async (connection) => {
    if (random() < 0.5) {
      await connection.take((text) => (text === "" ? -1 : 0), "anything");
      if (connection.text.startsWith("GET ")) connection.send(SWITCH);
    }
    await chatter(connection);
  });
  t.after(() => backend.close());
  const bed = await ProxyBed.start({
    clusters: [cluster("orders", [backend.port])],
    table: routeTable(
      virtualHost("orders", route(forward("orders"), { match: connect }), route(forward("orders"))),
    ),
    filter: { upgrades: new Set(["websocket", "connect"]) },
  });
  t.after(() => bed.close());
  const caller = async (): Promise<void> => {
    for (let i = 0; i < TUNNELS / CALLERS; i++) {
      const connection = await bed.connect();
      connection.send(random() < 0.5 ? UPGRADE : CONNECT);
      if (random() < 0.7) await connection.takeUntil("\r\n\r\n").catch(() => {});
      await chatter(connection);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const left = (): number => {
    const { exchanges, attempts, tunnels, downstreamConnections, upstreamConnections, timers } =
      bed.proxy.counts();
    return exchanges + attempts + tunnels + downstreamConnections + upstreamConnections + timers;
  };
  await eventually(() => left() === 0, `seed ${SEED}: everything ends`);
  const { bufferedBytes, replayBytes, acceptedConnections } = bed.proxy.counts();
  assert.deepEqual([bufferedBytes, replayBytes], [0, 0]);
  const { exchanges } = bed.recorder;
  // Callers may be gone before they are seen, or before their head is.
  assert.ok(exchanges.length <= acceptedConnections, "none is recorded twice");
  const [view] = bed.proxy.clusters();
  assert.deepEqual(view?.requests, { active: 0, pending: 0, retrying: 0 });
  assert.ok(view?.balancer.endpoints.every(({ inFlight }) => inFlight === 0));
  const opened = exchanges.filter(({ status }) => status === 101 || status === 200).length;
  assert.ok(opened > TUNNELS / 4, `${opened} tunnels were open`);
});

test("a caller's FIN that comes before its tunnel stands ends its half of the tunnel", async (t) => {
  const backend = await ScriptedBackend.start(async (connection) => {
    await connection.takeUntil("\r\n\r\n");
    connection.send(`${SWITCH}welcome`);
    await connection.untilEnded();
    connection.socket.end("bye");
  });
  t.after(() => backend.close());
  const bed = await ProxyBed.start({
    clusters: [cluster("orders", [backend.port])],
    filter: { upgrades: new Set(["websocket"]) },
  });
  t.after(() => bed.close());
  const connection = await bed.connect();
  connection.socket.end(UPGRADE);
  assert.match(await connection.untilEnded(), /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nwelcomebye$/);
  await eventually(() => bed.proxy.counts().exchanges === 0, "the tunnel ends");
  assert.equal(bed.proxy.counts().tunnels + bed.proxy.counts().upstreamConnections, 0);
});
