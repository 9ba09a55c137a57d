import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AccessLog, accessLine } from "../../sidecar/telemetry/access-log.ts";
import type { ExchangeFacts } from "../../sidecar/telemetry/facts.ts";
import { shownRequest } from "../../sidecar/telemetry/redaction.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import { exchangeFacts } from "../support/exchange-facts.ts";

function write(log: AccessLog, changes: Partial<ExchangeFacts> = {}): void {
  const facts = exchangeFacts(changes);
  log.write(facts, shownRequest(facts), 0);
}

test("a line is one JSON object with what operators search for, tokens hidden", () => {
  const error = proxyError(ERRORS.routeTimeout, "15 s passed");
  const facts = exchangeFacts({ error, status: 504, target: '/a?api_key=s3cret&q="\n' });
  const text = accessLine(facts, shownRequest(facts), Date.UTC(2026, 0, 1));
  assert.equal(text.split("\n").length, 1);
  const line: unknown = JSON.parse(text);
  assert.ok(typeof line === "object" && line !== null);
  assert.deepEqual(
    { ...line, user_agent: "", trace_id: "", request_id: "", downstream_remote_address: "" },
    {
      start_time: "2026-01-01T00:00:00.999Z",
      method: "GET",
      authority: "orders:80",
      path: '/a?api_key=REDACTED&q="\n',
      protocol: "HTTP/1.1",
      response_code: 504,
      response_flags: "UT",
      response_code_details: "route_timeout",
      outcome: "timeout",
      duration: 14,
      bytes_received: 0,
      bytes_sent: 512,
      upstream_cluster: "orders",
      upstream_host: "10.0.0.1:8080",
      attempts: 1,
      route_name: "orders-all",
      request_id: "",
      trace_id: "",
      user_agent: "",
      downstream_remote_address: "",
    },
  );
});

test("lines arrive in the file in order", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "dashpot-access-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "access.log");
  const log = new AccessLog({ target: file, onFailure: assert.fail });
  for (let i = 0; i < 100; i++) write(log, { status: 100 + i });
  const closed = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (readFileSync(file, "utf8").split("\n").length <= 100) return;
      watcher.close();
      resolve();
    });
  });
  log.close();
  await closed;
  const codes = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { response_code: number }).response_code);
  assert.deepEqual(
    codes,
    Array.from({ length: 100 }, (_, i) => 100 + i),
  );
});

test("a target that cannot be written is told of once, and lines are counted as dropped", async () => {
  const failures: Error[] = [];
  const failed = Promise.withResolvers<void>();
  const log = new AccessLog({
    target: "/nonexistent/folder/access.log",
    onFailure: (error) => {
      failures.push(error);
      failed.resolve();
    },
  });
  await failed.promise;
  for (let i = 0; i < 10; i++) write(log);
  assert.equal(failures.length, 1);
  assert.equal(log.dropped, 10);
});

test("a target that blocks costs lines beyond the bound, not memory", () => {
  const log = new AccessLog({ target: "/dev/null", maxBufferedBytes: 2_000, onFailure: assert.fail });
  // Nothing of this is written before the turn ends, as with a pipe that nobody reads.
  for (let i = 0; i < 100; i++) write(log);
  assert.ok(log.dropped > 90);
});
