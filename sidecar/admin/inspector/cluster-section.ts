import { type Html, html } from "../../../xds/common/html.ts";
import type { EndpointState, EndpointView } from "../../balancing/balancer.ts";
import type { ClusterView } from "../../upstream/upstream-cluster.ts";
import type { ShareHistory } from "../share-history.ts";
import { age, count, duration, latency, percent, shortVersion } from "./figures.ts";
import { bar, sparkline } from "./graphics.ts";

/** Endpoints shown per cluster; the rest is at `/clusters`. */
const MAX_ROWS = 200;

const TONES: Readonly<Record<EndpointState, string>> = {
  healthy: "good",
  suspect: "warn",
  ejected: "bad",
  probation: "trial",
  slow_start: "trial",
};

/** One cluster: a row per endpoint with what decides over its share. */
export function clusterSection(cluster: ClusterView, history: ShareHistory): Html {
  const { name, balancer, requests, connections } = cluster;
  const rows = balancer.endpoints.slice(0, MAX_ROWS);
  const more = balancer.endpoints.length - rows.length;
  const places = rows.some(({ locality, priority }) => locality !== "" || priority > 0);
  return html`<section class="cluster">
<header><h2>${name}</h2>
<span class="chip plain">${balancer.policy}</span>
${balancer.panic && html`<span class="chip bad">panic: health is ignored</span>`}
<span class="note">${requests.active} in flight · ${requests.pending} waiting · ${connections.active} connections · endpoints <code>${shortVersion(cluster.endpointsVersion)}</code> · weights generation ${balancer.weightsGeneration}</span></header>
<table class="endpoints"><thead><tr><th>endpoint<th>state<th class="wide">share<th class="curve">last 5 min<th class="n">weight<th class="n">latency<th class="n">errors<th class="n">in flight<th class="n">picks${places && html`<th>locality`}</tr></thead>
<tbody>${rows.map((endpoint) => endpointRow(endpoint, history.of(name, endpoint.address), history.length, places))}
${rows.length === 0 && html`<tr><td colspan="10" class="empty">no endpoints: requests are answered with 503 (UH)`}
${more > 0 && html`<tr><td colspan="10" class="empty">and ${more} more at <a href="/clusters">/clusters</a>`}</tbody></table></section>`;
}

function endpointRow(endpoint: EndpointView, shares: readonly number[], full: number, places: boolean): Html {
  const { state, health } = endpoint;
  const tone = health === "healthy" || health === "degraded" ? TONES[state] : "off";
  return html`<tr class="${tone}"><th scope="row"><i class="dot"></i>${endpoint.address}
<td>${stateText(endpoint)}
<td class="share">${bar(endpoint.share, tone)}<b>${percent(endpoint.share)}</b>
<td class="curve">${sparkline(shares, full, tone)}
<td class="n" data-label="weight">${endpoint.weight.toFixed(2)}${endpoint.staticWeight !== 1 && html`<small> × ${endpoint.staticWeight}</small>`}
<td class="n" data-label="latency">${latency(endpoint.latencyMs)}
<td class="n ${endpoint.errorRate >= 0.05 ? "hot" : ""}" data-label="errors">${percent(endpoint.errorRate)}
<td class="n" data-label="in flight">${endpoint.inFlight}${endpoint.oldestInFlightMs > 1_000 && html`<small> ${age(endpoint.oldestInFlightMs)}</small>`}
<td class="n picks">${count(endpoint.picks)}
${places && html`<td class="dim place">${endpoint.locality || "–"}${endpoint.priority > 0 && html` p${endpoint.priority}`}`}</tr>`;
}

function stateText({ state, health, ejectedForMs, slowStartFactor }: EndpointView): string {
  if (health === "unhealthy" || health === "draining") return health;
  if (state === "ejected") return ejectedForMs > 0 ? `ejected, ${duration(ejectedForMs)} left` : "ejected";
  if (state === "slow_start") return `slow start, ${percent(slowStartFactor)}`;
  return health === "degraded" ? `${state}, degraded` : state;
}
