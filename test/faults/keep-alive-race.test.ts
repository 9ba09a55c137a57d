import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";
import { MeasuredSidecar } from "./measured-sidecar.ts";

const SEED = 20_260_102;
/** A tenth of what is run by hand: DASHPOT_TEST_REQUESTS=100000. */
const { DASHPOT_TEST_REQUESTS = "10000" } = process.env;
const REQUESTS = Number(DASHPOT_TEST_REQUESTS);
const CALLERS = 32;

const METHODS = [
  "GET / HTTP/1.1\r\nHost: orders\r\n\r\n",
  "DELETE / HTTP/1.1\r\nHost: orders\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: orders\r\nContent-Length: 4\r\n\r\nbody",
  "PUT / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
];

test("requests that race the upstream's closing of idle connections are all answered", async (t) => {
  const random = seededRandom(SEED);
  const closing = { withAnswer: 0, later: 0, whenAsked: 0 };
  const start = () =>
    ScriptedBackend.start(async (connection) => {
      const { socket } = connection;
      const patience = 1 + Math.floor(random() * 6);
      for (let served = 1; ; served++) {
        await connection.takeMessage();
        const answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
        if (served < patience) {
          connection.send(answer);
          continue;
        }
        const lot = random();
        if (lot < 0.3) {
          closing.withAnswer++;
          socket.end(answer);
        } else if (lot < 0.7) {
          // The closing crosses whatever is sent meanwhile: the request is lost with a FIN or with a reset.
          closing.later++;
          connection.send(answer);
          setTimeout(() => (random() < 0.5 ? socket.end() : socket.destroy()), random() * 3);
        } else {
          closing.whenAsked++;
          connection.send(answer);
          await connection.take((text) => (text === "" ? -1 : 0), "a request");
          if (random() < 0.5) socket.resetAndDestroy();
          else socket.end();
        }
        return;
      }
    });
  const backends = await Promise.all([start(), start(), start()]);
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const sidecar = await MeasuredSidecar.start(t, { endpoints: backends.map(({ port }) => port) });

  const failed = new Map<string, number>();
  const caller = async (): Promise<void> => {
    const connection = await RawConnection.open(sidecar.listener);
    for (let i = 0; i < REQUESTS / CALLERS; i++) {
      connection.send(METHODS[Math.floor(random() * METHODS.length)] as string);
      const answer = await connection.takeMessage();
      if (answer.startsWith("HTTP/1.1 200 ")) continue;
      const [head = ""] = answer.split("\r\nContent-Length");
      failed.set(head, (failed.get(head) ?? 0) + 1);
    }
    connection.socket.destroy();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));

  const ejections = (await sidecar.measure()).clusters.flatMap(({ balancer }) =>
    balancer.endpoints.map(({ failures }) => failures),
  );
  assert.deepEqual([...failed], [], `seed ${SEED}`);
  assert.deepEqual(ejections, [0, 0, 0], "no endpoint is blamed for closing what idled");
  assert.ok(closing.withAnswer + closing.later + closing.whenAsked > REQUESTS / 10);
  t.diagnostic(`${REQUESTS} requests, ${JSON.stringify(closing)}`);
});
