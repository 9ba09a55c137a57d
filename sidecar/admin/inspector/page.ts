import { type Html, html } from "../../../xds/common/html.ts";
import type { Decision } from "../../telemetry/decision.ts";
import type { DecisionFilter } from "../../telemetry/decision-ring.ts";
import type { ClusterView } from "../../upstream/upstream-cluster.ts";
import type { ShareHistory } from "../share-history.ts";
import type { AdminSources } from "../sources.ts";
import { clusterSection } from "./cluster-section.ts";
import { configurationSection, explainSection, settingsSection } from "./configuration-section.ts";
import { decisionRow } from "./decision-rows.ts";
import { overview } from "./overview.ts";
import { changesSection, weightsSection } from "./weights-section.ts";

/** Decisions in the stream when the page is opened. */
const FIRST_ROWS = 60;
/** A mesh may have thousands, and the page is made anew each second on the event loop that carries requests. */
const MAX_CLUSTERS = 30;
const MAX_NAMES = 500;

export interface PageContext {
  readonly sources: AdminSources;
  readonly history: ShareHistory;
  /** Monotonic and wall time, in ms. */
  readonly now: number;
  readonly wall: number;
}

/** The inspector: whole without a script, alive with one. */
export function inspectorPage(context: PageContext, filter: DecisionFilter): string {
  const { sources } = context;
  const { nodeId, nodeCluster } = sources.identity;
  return layout(
    nodeId,
    html`<header class="masthead"><h1><a class="brand" href="/">Dashpot</a></h1><span><b>${nodeId}</b> beside <b>${nodeCluster}</b></span><span class="dim">version ${sources.identity.version}</span><nav><a href="/clusters">clusters</a><a href="/stats">stats</a><a href="/stats/prometheus">prometheus</a><a href="/config_dump">config</a><a href="/xds">xds</a><a href="/server_info">server</a></nav></header>
<main><div class="left">${liveParts(context, filter.cluster)}${explainSection()}${settingsSection(sources)}</div>
<aside>${streamSection(sources, filter)}</aside></main>
<dialog id="panel" aria-label="decision"><form method="dialog"><button aria-label="close">×</button></form><div id="panel-body"></div></dialog>`,
  );
}

/** What changes by itself: replaced as a whole, once a second, by the page's script. */
export function liveParts({ sources, history, now, wall }: PageContext, wanted?: string): Html {
  const all = sources.clusters();
  const clusters = foremost(all, wanted);
  const more = all.length - clusters.length;
  return html`<div id="live">${overview(sources, now, wall)}
${clusters.map((cluster) => clusterSection(cluster, history))}
${more > 0 && html`<section class="cluster"><p class="empty">and ${more} more clusters, without trouble, at <a href="/clusters">/clusters</a></p></section>`}
${clusters.length === 0 && html`<section class="cluster"><p class="empty">No clusters yet: waiting for configuration.</p></section>`}
<div class="pair">${changesSection(sources.events.states())}${weightsSection(clusters)}</div>${configurationSection(sources, wall)}</div>`;
}

/** What there is room for: the cluster that was asked for, those in trouble, then the rest in their order. */
function foremost(clusters: readonly ClusterView[], wanted: string | undefined): readonly ClusterView[] {
  if (clusters.length <= MAX_CLUSTERS) return clusters;
  const rank = ({ name, balancer }: ClusterView): number => {
    if (name === wanted) return 0;
    return balancer.panic || balancer.endpoints.some(({ state }) => state === "ejected") ? 1 : 2;
  };
  return clusters.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_CLUSTERS);
}

function streamSection(sources: AdminSources, filter: DecisionFilter): Html {
  const decisions: readonly Decision[] = sources.decisions.recent(filter, FIRST_ROWS);
  const clusters = sources
    .clusters()
    .slice(0, MAX_NAMES)
    .map(({ name }) => name);
  return html`<section class="stream"><header><h2>Decisions</h2><form id="filter" class="filter" method="get" action="/"><select name="cluster" aria-label="cluster"><option value="">all clusters${clusters.map((name) => option(name, name, filter.cluster))}</select><select name="outcome" aria-label="outcome">${OUTCOMES.map(([value, text]) => option(value, text, filter.outcome))}</select><label><input type="checkbox" name="notable" value="1"${filter.notable === true && html` checked`}>notable</label><button id="apply">Filter</button><button type="button" id="pause" hidden>Pause</button></form></header>
<p class="note">sampled ones, and the notable: failed, retried, slow, or with an ejection</p>
<ol id="decisions">${decisions.map(decisionRow)}</ol>${decisions.length === 0 && html`<p class="empty" id="no-decisions">none yet</p>`}</section>`;
}

function option(value: string, text: string, selected: string | undefined): Html {
  return value === selected && value !== ""
    ? html`<option value="${value}" selected>${text}`
    : html`<option value="${value}">${text}`;
}

const OUTCOMES: readonly (readonly [value: string, text: string])[] = [
  ["", "all outcomes"],
  ["success", "answered"],
  ["server_error", "server error"],
  ["gateway_error", "gateway error"],
  ["pushback", "pushback"],
  ["connect_failure", "connect failure"],
  ["reset", "reset"],
  ["timeout", "timeout"],
  ["cancelled", "cancelled"],
  ["retried_ok", "saved by a retry"],
  ["failed", "request failed"],
];

/** A decision or an explanation on a page of its own, for those without a script. */
export function detailPage(title: string, detail: Html): string {
  return layout(
    title,
    html`<header class="masthead"><h1><a class="brand" href="/">Dashpot</a></h1></header><main class="single">${detail}</main>`,
  );
}

function layout(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title} · Dashpot</title><link rel="icon" href="/page/icon.svg"><link rel="stylesheet" href="/page/inspector.css"><script src="/page/inspector.js" defer></script></head><body>${body}</body></html>
`.text;
}
