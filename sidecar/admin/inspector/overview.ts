import type { XdsStatus } from "../../../xds/client/client-status.ts";
import { type Content, type Html, html } from "../../../xds/common/html.ts";
import { rejectedResources } from "../rejected-resources.ts";
import type { AdminSources } from "../sources.ts";
import { age, count, latency, percent, rate, shortVersion } from "./figures.ts";

/** The strip at the top: is it well, and what goes through it. Of the last ten seconds. */
export function overview(sources: AdminSources, now: number, wall: number): Html {
  const traffic = sources.traffic.view(now);
  const state = sources.state();
  const xds = sources.xdsStatus();
  const { roots, exchanges } = sources.metrics;
  return html`<section class="overview" id="overview">
${tile("state", html`<span class="chip ${state === "LIVE" ? "good" : "warn"}">${state.toLowerCase()}</span>`, sources.missing() || `up ${age(wall - sources.identity.startedAt)}`)}
${xdsTile(xds, wall)}
${tile("requests", html`${rate(traffic.requestsPerSecond)}<small>/s</small>`, `${count(exchanges)} in all`)}
${tile("errors", percent(traffic.errorRate), "seen by the caller", traffic.errorRate >= 0.01 ? "bad" : "")}
${tile("p50", latency(traffic.p50Ms), "")}
${tile("p95", latency(traffic.p95Ms), "")}
${tile("p99", latency(traffic.p99Ms), "")}
${tile("decisions", count(sources.decisions.added), "recorded")}
${tile("traces", sources.exportsTo === "" ? "off" : "on", sources.exportsTo === "" ? "set OTEL_EXPORTER_OTLP_ENDPOINT" : sources.exportsTo.replace(/^https?:\/\//, ""))}
${exchanges > 100 && roots / exchanges > 0.5 && html`<p class="note">${percent(roots / exchanges)} of the requests came without trace context: their traces start here, because the application does not pass <code>traceparent</code> on.</p>`}
</section>`;
}

function tile(name: string, value: Content, note: string, tone = ""): Html {
  return html`<div class="tile ${tone}"><h3>${name}</h3><strong>${value}</strong><span title="${note}">${note}</span></div>`;
}

function xdsTile(xds: XdsStatus, wall: number): Html {
  const server = xds.servers[0];
  if (!server) return tile("control plane", "none", "static configuration");
  const rejected = rejectedResources(xds).length;
  const tone = rejected === 0 && server.state === "connected" ? "good" : "warn";
  const newest = xds.types.map(({ lastAck }) => lastAck).sort((a, b) => (b?.at ?? 0) - (a?.at ?? 0))[0];
  const version = newest
    ? `${shortVersion(newest.version)}, ${age(wall - newest.at)} old`
    : "nothing received yet";
  const note = rejected > 0 ? `${rejected} refused, see below` : version;
  return tile("control plane", html`<span class="chip ${tone}">${server.state}</span>`, note);
}
