import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import pino from "pino";
import { HANDLERS } from "../../sidecar/admin/handlers.ts";
import { accessLine } from "../../sidecar/telemetry/access-log.ts";
import { readOtelEnvironment } from "../../sidecar/telemetry/otel-environment.ts";
import { shownRequest } from "../../sidecar/telemetry/redaction.ts";
import { createTelemetry } from "../../sidecar/telemetry/telemetry.ts";
import { AdminBed, clusterView, endpointView, XDS_STATUS } from "../support/admin-bed.ts";
import { attemptFacts, exchangeFacts } from "../support/exchange-facts.ts";
import { FakeClock } from "../support/fake-clock.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/observability.md");

/** What stands between backticks in the first column of the page's tables, without query and labels. */
const named = [...page.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, column = ""]) =>
  [...column.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
);

function assertNames(pattern: RegExp, actual: Iterable<string>): void {
  const shown = new Set(named.filter((name) => pattern.test(name)));
  assert.deepEqual([...shown].sort(), [...new Set(actual)].sort());
}

test("every span attribute of Dashpot's own is on the page, and no other", () => {
  const source = read("sidecar/telemetry/exchange-spans.ts");
  assertNames(
    /^dashpot\./,
    [...source.matchAll(/"(dashpot\.[a-z_.]+)"/g)].map(([, name = ""]) => name),
  );
});

test("every field of the access log is on the page", () => {
  const line = JSON.parse(accessLine(exchangeFacts(), shownRequest(exchangeFacts()), 0)) as object;
  for (const field of Object.keys(line)) assert.ok(named.includes(field), field);
});

test("every path of the admin interface is on the page, and no other", () => {
  assertNames(/^\//, [...HANDLERS.keys(), "/decisions/ID"]);
});

test("every OTEL variable that is read is on the page, and no other", () => {
  const { effective } = readOtelEnvironment({}, { serviceName: "web", sampleRatio: 0.01 });
  assertNames(
    /^OTEL_/,
    effective.map(({ name }) => name.replace("_OTLP_TRACES_", "_OTLP_")),
  );
});

test("every metric is on the page, and no other", async () => {
  const telemetry = await createTelemetry({
    clock: new FakeClock(),
    logger: pino({ level: "silent" }),
    environment: {},
    version: "0.1.0",
    nodeId: "web-1",
    serviceName: "web",
    sampleRatio: 0,
    accessLog: "off",
    ringSize: 1,
    slowMs: 1_000,
    longestText: 1_024,
  });
  const bed = await AdminBed.start({
    clusters: [clusterView("orders", endpointView("10.0.0.1:80"))],
    xds: {
      ...XDS_STATUS,
      servers: [
        { target: "127.0.0.1:18000", state: "connected", failures: 0 } as (typeof XDS_STATUS.servers)[0],
      ],
      types: [{ typeUrl: "a.Cluster", resources: [] } as unknown as (typeof XDS_STATUS.types)[0]],
    },
    sources: { writeStats: telemetry.writeStats },
  });
  after(() => bed.admin.close());
  bed.recorder.end(exchangeFacts({ attempts: [attemptFacts()] }));
  bed.recorder.metrics.countEvent("orders", "ejected");
  const answer = await fetch(`http://127.0.0.1:${bed.port}/stats/prometheus`);
  const families = [...(await answer.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
  assertNames(/^(envoy|dashpot|grpc|http)_/, families);
});
