import assert from "node:assert/strict";
import { test } from "node:test";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { QUANTILE_BUCKETS, quantile, quantileBucket } from "../../sidecar/telemetry/histogram.ts";
import { Metrics } from "../../sidecar/telemetry/metrics.ts";
import { writeMetrics } from "../../sidecar/telemetry/metrics-sheet.ts";
import { RecentTraffic } from "../../sidecar/telemetry/recent-traffic.ts";
import { clusterScope, StatSheet } from "../../sidecar/telemetry/stat-sheet.ts";
import { attemptFacts, exchangeFacts } from "../support/exchange-facts.ts";

function sheetOf(metrics: Metrics): StatSheet {
  const sheet = new StatSheet();
  writeMetrics(metrics, () => "egress", sheet);
  return sheet;
}

test("requests are counted under Envoy's names, attempts by cluster and requests by listener", () => {
  const metrics = new Metrics();
  metrics.countExchange(exchangeFacts());
  metrics.countExchange(
    exchangeFacts({
      attempts: [
        attemptFacts({ status: 503, outcome: OUTCOME.gatewayError }),
        attemptFacts({ number: 1, address: "10.0.0.2:8080" }),
      ],
    }),
  );
  const text = sheetOf(metrics).text();
  assert.match(text, /^cluster\.orders\.upstream_rq_total: 3$/m);
  assert.match(text, /^cluster\.orders\.upstream_rq_5xx: 1$/m);
  assert.match(text, /^cluster\.orders\.upstream_rq_503: 1$/m);
  assert.match(text, /^cluster\.orders\.upstream_rq_retry: 1$/m);
  assert.match(text, /^cluster\.orders\.upstream_rq_retry_success: 1$/m);
  assert.match(text, /^http\.egress\.downstream_rq_total: 2$/m);
  assert.match(text, /^http\.egress\.downstream_rq_2xx: 2$/m);
});

test("Prometheus gets each family once, with its type, Envoy's labels and cumulative buckets", () => {
  const metrics = new Metrics();
  metrics.countExchange(exchangeFacts());
  metrics.countExchange(exchangeFacts({ cluster: "reviews" }));
  const text = sheetOf(metrics).prometheus();
  assert.equal(text.match(/# TYPE envoy_cluster_upstream_rq_total counter/g)?.length, 1);
  assert.match(text, /^envoy_cluster_upstream_rq_total\{envoy_cluster_name="orders"\} 1$/m);
  assert.match(
    text,
    /^envoy_cluster_upstream_rq_xx\{envoy_cluster_name="reviews",envoy_response_code_class="2"\} 1$/m,
  );
  const buckets = [
    ...text.matchAll(/client_request_duration_seconds_bucket\{dashpot_cluster="orders",le="(.+)"\} (\d+)/g),
  ];
  assert.equal(buckets.length, 15);
  assert.deepEqual(buckets.at(-1)?.slice(1), ["+Inf", "1"]);
  assert.match(text, /^http_client_request_duration_seconds_count\{dashpot_cluster="orders"\} 1$/m);
});

test("hostile names cannot break out of a line or a label", () => {
  const sheet = new StatSheet();
  sheet.counter(clusterScope('evil"\nfake_metric 1\\'), "upstream_rq_total", 1);
  assert.equal(sheet.prometheus().trimEnd().split("\n").length, 2);
  assert.match(sheet.prometheus(), /envoy_cluster_name="evil\\"\\nfake_metric 1\\\\"/);
  assert.equal(sheet.text().trimEnd().split("\n").length, 1);
});

test("clusters without end share one entry", () => {
  const metrics = new Metrics(3);
  for (let i = 0; i < 50; i++) metrics.countExchange(exchangeFacts({ cluster: `c${i}`, listener: `l${i}` }));
  assert.equal(metrics.clusters.size, 4);
  assert.equal(metrics.clusters.get("_other")?.counters[0], 47);
  assert.equal(metrics.listeners.size, 4);
});

test("a pick that found no endpoint counts as such and not as an attempt", () => {
  const metrics = new Metrics();
  metrics.countExchange(exchangeFacts({ status: 503, attempts: [attemptFacts({ address: "", status: 0 })] }));
  const text = sheetOf(metrics).text();
  assert.match(text, /upstream_cx_none_healthy: 1/);
  assert.match(text, /upstream_rq_total: 0/);
});

test("quantiles are within a tenth of the truth", () => {
  const buckets = new Uint32Array(QUANTILE_BUCKETS);
  for (let ms = 1; ms <= 1_000; ms++) buckets[quantileBucket(ms)]!++;
  for (const q of [0.5, 0.95, 0.99]) {
    const found = quantile(buckets, q);
    assert.ok(found >= q * 1_000 * 0.99 && found <= q * 1_000 * 1.1, `${q}: ${found}`);
  }
  assert.ok(Number.isNaN(quantile(new Uint32Array(QUANTILE_BUCKETS), 0.5)));
  for (const odd of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    assert.ok(quantileBucket(odd) < QUANTILE_BUCKETS);
});

test("recent traffic is that of the last ten seconds", () => {
  const traffic = new RecentTraffic();
  for (let i = 0; i < 1_000; i++) traffic.record(20_000 + i * 10, 12, i % 10 === 0);
  const busy = traffic.view(29_999);
  assert.ok(Math.abs(busy.requestsPerSecond - 100) < 1);
  assert.ok(Math.abs(busy.errorRate - 0.1) < 0.001);
  assert.ok(busy.p50Ms >= 12 && busy.p50Ms < 13.2);
  assert.equal(traffic.view(45_000).requestsPerSecond, 0);
  assert.ok(Number.isNaN(traffic.view(45_000).p99Ms));
});

test("Envoy's histograms are in milliseconds, and shown whole or not at all", () => {
  const metrics = new Metrics();
  metrics.countExchange(exchangeFacts({ startedAt: 0, endedAt: 30, attempts: [attemptFacts()] }));
  const sheet = sheetOf(metrics);
  const shown = sheet.prometheus((name, value) => value !== 0 && name.endsWith("downstream_rq_time"));
  assert.match(shown, /^# TYPE envoy_http_downstream_rq_time histogram\n/);
  assert.match(shown, /_bucket\{envoy_http_conn_manager_prefix="\w+",le="25"\} 0\n.*le="50"\} 1\n/);
  assert.match(shown, /_sum\{[^}]*\} 30\n/);
  assert.equal(sheet.prometheus(() => false).trim(), "");
});
