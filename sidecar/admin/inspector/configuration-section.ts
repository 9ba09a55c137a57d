import { type Html, html } from "../../../xds/common/html.ts";
import type { Configuration } from "../../../xds/model/configuration.ts";
import { endpointAddress } from "../../../xds/model/endpoint.ts";
import type { ListenerView } from "../../proxy/index.ts";
import { rejectedResources } from "../rejected-resources.ts";
import type { AdminSources } from "../sources.ts";
import { age, shortVersion } from "./figures.ts";

/** Rows of one kind; a mesh may have thousands of routes and clusters. */
const MAX_ROWS = 50;
const MAX_REJECTED = 20;

/** What is in force, since when, and what was refused and why. */
export function configurationSection(sources: AdminSources, wall: number): Html {
  const configuration = sources.configuration();
  const status = sources.xdsStatus();
  const rejected = rejectedResources(status);
  const failure = status.servers.find(
    ({ state, lastFailure }) => state !== "connected" && lastFailure,
  )?.lastFailure;
  return html`<section id="configuration"><header><h2>Configuration</h2><span class="note">generation ${configuration.generation} · <a href="/config_dump">/config_dump</a> · <a href="/xds">/xds</a></span></header>
${failure && html`<p class="notice">The control plane does not answer (${failure.reason}); what it sent before stays in force.</p>`}
${rejected.slice(0, MAX_REJECTED).map(({ type, name, reason, version, inUse, at }) => html`<p class="notice bad"><b>${type} ${name}</b> was refused ${age(wall - at)} ago (version ${shortVersion(version)}): ${reason}. ${inUse === "" ? "There is no earlier one." : `Version ${shortVersion(inUse)} stays in force.`}</p>`)}
${rejected.length > MAX_REJECTED && html`<p class="notice bad">And ${rejected.length - MAX_REJECTED} more were refused: <a href="/xds">/xds</a>.</p>`}
${(status.warming.clusters.length > 0 || status.warming.listeners.length > 0) && html`<p class="notice">Waiting for the rest of ${[...status.warming.clusters, ...status.warming.listeners].slice(0, MAX_ROWS).join(", ")}.</p>`}
<table><thead><tr><th>resource<th>name<th>version<th class="n">age<th></tr></thead><tbody>
${sources
  .listeners()
  .slice(0, MAX_ROWS)
  .map((listener) => listenerRow(listener, configuration, wall))}
${firstOf(configuration.routeTables).map(([name, { version, since, value }]) => row("routes", name, version, wall - since, hostsText(value.virtualHosts.length)))}
${firstOf(configuration.clusters).map(([name, { cluster, assignment }]) => row("cluster", name, cluster.version, wall - cluster.since, `endpoints ${shortVersion(assignment.version)}, ${age(wall - assignment.since)} old`))}
${Math.max(configuration.routeTables.size, configuration.clusters.size) > MAX_ROWS && html`<tr><td colspan="5" class="empty">and more: <a href="/config_dump">/config_dump</a>`}
</tbody></table></section>`;
}

function firstOf<T>(resources: ReadonlyMap<string, T>): (readonly [string, T])[] {
  return [...resources.entries().take(MAX_ROWS)];
}

function hostsText(count: number): string {
  return count === 1 ? "1 virtual host" : `${count} virtual hosts`;
}

function listenerRow(listener: ListenerView, configuration: Configuration, wall: number): Html {
  const since = configuration.listeners.get(listener.name)?.since ?? wall;
  const { bound, failure } = listener;
  const place = bound ? `listens on ${endpointAddress(bound.host, bound.port)}` : "not bound";
  const where = failure === "" ? place : `${place}: ${failure}`;
  return row("listener", listener.name, listener.version, wall - since, where);
}

function row(kind: string, name: string, version: string, ageMs: number, note: string): Html {
  return html`<tr><td class="dim">${kind}<th scope="row">${name}<td><code>${shortVersion(version)}</code><td class="n">${age(ageMs)}<td class="dim">${note}</tr>`;
}

/** A form that asks what would become of a request. */
export function explainSection(): Html {
  return html`<section id="explain"><header><h2>Explain a request</h2><span class="note">nothing is sent</span></header>
<form class="ask" action="/explain" method="get" data-panel><select name="method" aria-label="method"><option>GET<option>POST<option>PUT<option>DELETE</select><input name="authority" placeholder="authority, e.g. orders" aria-label="authority" required><input name="path" value="/" aria-label="path" required><button>Explain</button></form></section>`;
}

/** Settings with their origin. */
export function settingsSection(sources: AdminSources): Html {
  return html`<section id="settings"><details><summary><h2>Settings</h2> <span class="note">${sources.settings.length} in force</span></summary>
<table><thead><tr><th>setting<th>value<th>from</tr></thead><tbody>${sources.settings.map(({ name, value, origin }) => html`<tr><th scope="row">${name}<td><code>${value || "–"}</code><td class="dim">${origin}</tr>`)}</tbody></table></details></section>`;
}
