import assert from "node:assert/strict";
import { suite, type TestContext, test } from "node:test";
import { PacedClock } from "../support/paced-clock.ts";
import {
  type BedOptions,
  cluster,
  forward,
  ProxyBed,
  route,
  routeTable,
  virtualHost,
} from "../support/proxy-bed.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";
import { RETRY } from "../support/retry-policy.ts";
import { blackHole } from "./black-hole.ts";

const HEALTHY = 4;
const CALLERS = 20;
/** Between a caller's requests: about 1,000 a second in all. */
const PACE_MS = 20;
/** So long at least, and until there were so many requests. */
const LASTS_MS = 2_000;
const REQUESTS = 1_000;
const CONNECT_TIMEOUT_MS = 250;
const PER_TRY_MS = 250;

interface Load {
  /** Status lines other than 200. */
  readonly failed: string[];
  requests: number;
  longestMs: number;
  /** Attempts per address, in the second half of the requests. */
  readonly late: Map<string, number>;
}

/** Callers at their own pace, whatever becomes of their requests. */
async function load(bed: ProxyBed, clock: PacedClock): Promise<Load> {
  const result: Load = { failed: [], requests: 0, longestMs: 0, late: new Map() };
  const end = clock.now() + LASTS_MS;
  const caller = async (): Promise<void> => {
    const connection = await RawConnection.open(bed.port);
    while (clock.now() < end || result.requests < REQUESTS) {
      const begun = clock.now();
      connection.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
      const answer = await connection.takeMessage();
      result.requests++;
      result.longestMs = Math.max(result.longestMs, clock.now() - begun);
      if (!answer.startsWith("HTTP/1.1 200 ")) result.failed.push(answer);
      await clock.pause(PACE_MS);
    }
    connection.socket.destroy();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  for (const { attempts } of bed.recorder.exchanges.slice(result.requests / 2)) {
    for (const { address } of attempts) result.late.set(address, (result.late.get(address) ?? 0) + 1);
  }
  return result;
}

function options(ports: readonly number[]): BedOptions {
  const policy = {
    ...RETRY,
    on: new Set(["5xx", "reset", "connect-failure"] as const),
    perTryTimeoutMs: PER_TRY_MS,
  };
  return {
    clusters: [
      cluster("orders", ports, { balancing: { kind: "default" }, connectTimeoutMs: CONNECT_TIMEOUT_MS }),
    ],
    table: routeTable(virtualHost("orders", route(forward("orders", { retryPolicy: policy })))),
  };
}

async function survives(t: TestContext, sick: number, clock = new PacedClock(t)): Promise<void> {
  const healthy = await Promise.all(Array.from({ length: HEALTHY }, () => ScriptedBackend.answering("good")));
  t.after(() => Promise.all(healthy.map((backend) => backend.close())));
  const bed = await ProxyBed.start({
    ...options([sick, ...healthy.map(({ port }) => port)]),
    clock,
  });
  t.after(() => bed.close());
  const { failed, requests, longestMs, late } = await load(bed, clock);
  const attempts = [...late.values()].reduce((a, b) => a + b, 0);
  const share = (late.get(`127.0.0.1:${sick}`) ?? 0) / attempts;
  t.diagnostic(
    `${requests} requests, ${failed.length} failed, longest ${Math.round(longestMs)} ms, late share ${(100 * share).toFixed(2)} %`,
  );
  assert.deepEqual(failed, []);
  assert.ok(share < 0.02, `${share} of the late attempts went to the sick endpoint`);
}

async function sickBackend(t: TestContext, script: (connection: RawConnection) => unknown): Promise<number> {
  const backend = await ScriptedBackend.start(async (connection) => {
    await connection.takeMessage();
    await script(connection);
  });
  t.after(() => backend.close());
  return backend.port;
}

suite("one sick endpoint of five costs no request and soon gets no traffic, when it", {
  concurrency: 2,
}, () => {
  test("refuses connections", async (t) => survives(t, await ScriptedBackend.deadPort()));

  test("swallows what is sent to it", async (t) => survives(t, await blackHole(t)));

  test("accepts and never answers", async (t) => survives(t, await sickBackend(t, () => {})));

  test("sends its head a byte at a time", async (t) => {
    const clock = new PacedClock(t);
    const port = await sickBackend(t, async (connection) => {
      for (const byte of "HTTP/1.1 200 OK\r\nX-Slow: yes\r\n") {
        connection.send(byte);
        await clock.pause(100);
      }
    });
    await survives(t, port, clock);
  });

  test("resets every request", async (t) => {
    await survives(t, await sickBackend(t, ({ socket }) => socket.resetAndDestroy()));
  });

  test("answers garbage", async (t) => {
    await survives(t, await sickBackend(t, (connection) => connection.send("SSH-2.0-OpenSSH\r\n")));
  });

  test("fails at once", async (t) => {
    const port = await sickBackend(t, async (connection) => {
      for (;;) {
        connection.send("HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n");
        await connection.takeMessage();
      }
    });
    await survives(t, port);
  });
});
