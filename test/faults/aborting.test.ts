import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import { abortStorm, hostileBackend } from "./abort-storm.ts";
import { type Measured, MeasuredSidecar } from "./measured-sidecar.ts";

const MIB = 1024 * 1024;
const SEED = 20_260_101;
/** A tenth of what is run by hand: DASHPOT_TEST_REQUESTS=100000. */
const { DASHPOT_TEST_REQUESTS = "10000" } = process.env;
const REQUESTS = Number(DASHPOT_TEST_REQUESTS);

function isQuiet({ counts, clusters }: Measured): boolean {
  const { exchanges, attempts, downstreamConnections, upstreamConnections, idleUpstreamConnections } = counts;
  const held = clusters.flatMap(({ requests, balancer }) => [
    ...Object.values(requests),
    ...balancer.endpoints.map(({ inFlight }) => inFlight),
  ]);
  return (
    exchanges + attempts + downstreamConnections === 0 &&
    upstreamConnections === idleUpstreamConnections &&
    held.every((count) => count === 0)
  );
}

/** The second runs into the bounds of its cluster all the time, so that requests wait for connections when they are aborted. */
const MESHES: readonly (readonly [name: string, thresholds: string])[] = [
  ["", ""],
  [
    " where requests wait for connections",
    "{ max_connections: 12, max_pending_requests: 40, max_requests: 80 }",
  ],
];

for (const [where, thresholds] of MESHES)
  test(`requests aborted at random moments from either side leave nothing behind${where}`, async (t) => {
    const random = seededRandom(SEED);
    const backends = await Promise.all([
      hostileBackend(random),
      hostileBackend(random),
      hostileBackend(random),
    ]);
    t.after(() => Promise.all(backends.map((backend) => backend.close())));
    const sidecar = await MeasuredSidecar.start(t, {
      endpoints: backends.map(({ port }) => port),
      routeTimeout: "1s",
      retryPolicy: '{ retry_on: "5xx,reset", num_retries: 1, per_try_timeout: 0.2s }',
      thresholds,
    });

    const fresh = await sidecar.measure();
    await abortStorm(sidecar.listener, REQUESTS / 5, random);
    const warm = await sidecar.until(isQuiet, `seed ${SEED}: everything ends`);
    const started = performance.now();
    const storm = await abortStorm(sidecar.listener, (REQUESTS * 4) / 5, random);
    const seconds = (performance.now() - started) / 1000;
    const { counts, resources, heapUsed } = await sidecar.until(isQuiet, `seed ${SEED}: everything ends`);

    assert.ok(storm.abandoned > storm.begun * 0.3, `callers left: ${JSON.stringify(storm)}`);
    assert.ok(storm.succeeded > storm.begun * 0.1, `requests went well: ${JSON.stringify(storm)}`);
    assert.equal(counts.replayBytes, 0);
    assert.equal(counts.bufferedBytes, 0);
    assert.equal(counts.tunnels + counts.faults + counts.mirrors, 0);
    assert.equal(
      counts.timers,
      counts.idleUpstreamConnections,
      "a timer for each idle connection and no other",
    );
    const stats = await (await fetch(`http://127.0.0.1:${sidecar.admin}/stats`)).text();
    for (const gauge of ["upstream_rq_active", "upstream_rq_pending_active"])
      assert.match(stats, new RegExp(`^cluster\\.orders\\.${gauge}: 0$`, "m"));
    const grown = heapUsed - warm.heapUsed;
    assert.ok(grown < 2 * MIB, `the heap grew by ${grown} bytes after request ${REQUESTS / 5}`);

    await Promise.all(backends.map((backend) => backend.close()));
    const sockets = ({ resources: { TCPSocketWrap = 0 } }: Measured): number => TCPSocketWrap;
    const empty = await sidecar.until(
      (measured) => measured.counts.upstreamConnections === 0 && sockets(measured) <= sockets(fresh),
      "with the backends gone, the process has no more sockets than it began with",
    );
    assert.equal(empty.counts.timers, 0);
    t.diagnostic(
      `${JSON.stringify(storm)} at ${Math.round(storm.begun / seconds)}/s; heap ${Math.round(warm.heapUsed / 1024)} KiB, then ${grown} bytes more; ${JSON.stringify(resources)}`,
    );
  });
