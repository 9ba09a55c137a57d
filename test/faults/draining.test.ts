import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { RunningCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";
import { staticBootstrap } from "./static-bootstrap.ts";

const CALLERS = 40;
/** Between a caller's requests: about 800 a second in all. */
const PACE_MS = 50;
/** How long the application goes on calling after the sidecar was asked to end. */
const AFTERWARDS_MS = 1_500;

test("a sidecar asked to end under load fails no request, and then ends", async (t) => {
  const backends = await Promise.all(["a", "b"].map((name) => ScriptedBackend.answering(name)));
  t.after(() => Promise.all(backends.map((backend) => backend.close())));
  const folder = await mkdtemp(join(tmpdir(), "dashpot-faults-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "bootstrap.yaml");
  const listener = await freePort();
  // Longer than the load goes on: on a busy machine the callers themselves may pause for longer than counts as quiet.
  const settings = ["drain_min: 3s", "drain_deadline: 20s"];
  await writeFile(file, staticBootstrap({ endpoints: backends.map(({ port }) => port), listener, settings }));
  const command = new RunningCommand(["sidecar", "-c", file], { DASHPOT_LOG_LEVEL: "info" });
  t.after(() => command.kill());
  await command.said(/"msg":"ready"/);

  let last = 0;
  let signalled = Number.POSITIVE_INFINITY;
  const served = { before: 0, after: 0, crossed: 0 };
  const connections = new WeakSet<RawConnection>();
  const caller = async (number: number): Promise<void> => {
    // Spread over the pace, so that there is a request at any time.
    await new Promise((resolve) => setTimeout(resolve, (number * PACE_MS) / CALLERS));
    let connection: RawConnection | undefined;
    while (performance.now() < signalled + AFTERWARDS_MS) {
      connection ??= await RawConnection.open(listener);
      const used = connections.has(connection);
      connections.add(connection);
      connection.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n");
      const answer = await connection.takeMessage().catch((error: Error) => {
        // Closed while it idled, just as it was used: every client of HTTP/1.1 has to bear that (RFC 9112, 9.3.1).
        if (!used || connection?.text !== "") throw error;
      });
      if (answer === undefined) {
        served.crossed++;
        connection = undefined;
        continue;
      }
      assert.match(answer, /^HTTP\/1\.1 200 /);
      last = performance.now();
      served[last > signalled ? "after" : "before"]++;
      if (connection.ended || /^connection: close\r$/im.test(answer)) {
        connection.socket.destroy();
        connection = undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    connection?.socket.destroy();
  };
  const callers = Array.from({ length: CALLERS }, (_, number) => caller(number));
  await eventually(() => served.before >= 100, "the load runs");
  signalled = performance.now();
  command.signal("SIGTERM");
  await Promise.all(callers);
  assert.equal(await command.exitCode(), 0);
  const late = performance.now() - last;
  assert.ok(served.after > 0, "the load went on while it drained");
  t.diagnostic(`${JSON.stringify(served)}; ended ${Math.round(late)} ms after the last`);
});
