import { createHash } from "node:crypto";
import { Html, html } from "../common/html.ts";
import { SHORT_NAMES } from "../protocol/server-snapshot.ts";
import type { SubscriptionStatus } from "../protocol/server-subscription.ts";
import { subscriptionState } from "./admin-views.ts";
import type { ClientStatus } from "./client-connection.ts";
import type { DiscoveryService } from "./discovery-service.ts";
import type { MeshStore } from "./mesh-store.ts";

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8884; }
th { font-weight: 600; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8886; border-radius: .3rem; }
.bad { color: #c2261d; } .good { color: #1a7f37; } .quiet { opacity: .65; }
@media (prefers-color-scheme: dark) { .bad { color: #ff8178; } .good { color: #56d364; } }
`;

/** The page runs no script and loads nothing; its one style is named by its hash. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const MAX_ROWS = 200;

export function adminPage(store: MeshStore, discovery: DiscoveryService, wall: number): string {
  const clients = discovery.clients();
  const style = new Html(`<style>${STYLE}</style>`);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>Dashpot control server</title>${style}</head><body>
<h1>Dashpot control server</h1>
${fileSection(store, wall)}
<h2>Clients</h2>
${clients.length === 0 ? html`<p class="quiet">Nobody is connected.</p>` : clientTable(clients, wall)}
<h2>Served</h2>
${snapshotTable(store)}
<p class="quiet">The same as JSON: <a href="/mesh">/mesh</a>, <a href="/clients">/clients</a>,
<a href="/snapshot">/snapshot</a>, <a href="/config_dump">/config_dump</a>.</p>
</body></html>`.text;
}

function fileSection(store: MeshStore, wall: number): Html {
  const { rejected } = store;
  const state = rejected
    ? html`<p class="bad">The file as it stands now is not served (for ${age(rejected.at, wall)}); the last good one still is.</p>
<pre>${rejected.lines.join("\n\n")}</pre>`
    : html`<p class="good">The file as it stands now is served.</p>`;
  const warnings = store.warnings.length > 0 ? html`<pre>${store.warnings.join("\n\n")}</pre>` : undefined;
  return html`<p><code>${store.file}</code>, version <code>${store.snapshot.version}</code>, served for ${age(store.publishedAt, wall)}</p>
${state}${warnings}`;
}

function clientTable(clients: readonly ClientStatus[], wall: number): Html {
  const rows = clients.slice(0, MAX_ROWS).flatMap((client) => clientRows(client, wall));
  const more = clients.length > MAX_ROWS ? html`<p>and ${clients.length - MAX_ROWS} more</p>` : undefined;
  return html`<table><tr><th>node</th><th>type</th><th>state</th><th>resources</th><th>version sent</th></tr>${rows}</table>${more}`;
}

/** One row for each type that the client follows; the first also says who it is. */
function clientRows({ node, address, since, stream }: ClientStatus, wall: number): Html[] {
  const types = Object.entries(stream.types);
  const who = html`<td rowspan="${Math.max(1, types.length)}"><b>${node.id || "(no node id)"}</b><br>
<span class="quiet">${node.cluster} ${address}, connected for ${age(since, wall)}</span></td>`;
  if (types.length === 0)
    return [html`<tr>${who}<td colspan="4" class="quiet">asked for nothing that is served</td></tr>`];
  return types.map(
    ([typeUrl, status], index) => html`<tr>${index === 0 ? who : undefined}
<td>${SHORT_NAMES.get(typeUrl)}</td><td>${stateCell(status)}</td>
<td>${status.held} of ${status.wildcard ? "all" : `${status.namesTotal} named`}</td>
<td><code>${status.sent.version}</code></td></tr>`,
  );
}

function stateCell(status: SubscriptionStatus): Html {
  const state = subscriptionState(status);
  if (state === "rejected") return html`<span class="bad">rejected</span><br>${status.rejected?.reason}`;
  return html`<span class="${state === "accepted" ? "good" : "quiet"}">${state}</span>`;
}

function snapshotTable({ snapshot }: MeshStore): Html {
  const all = [...snapshot.types].flatMap(([typeUrl, { resources }]) =>
    [...resources.values()].map((resource) => ({ type: SHORT_NAMES.get(typeUrl), ...resource })),
  );
  const rows = all.slice(0, MAX_ROWS).map(
    ({ type, name, version }) => html`<tr><td>${type}</td>
<td><a href="/config_dump?type=${type}&amp;name=${encodeURIComponent(name)}">${name}</a></td><td><code>${version}</code></td></tr>`,
  );
  const more = all.length > MAX_ROWS ? html`<p>and ${all.length - MAX_ROWS} more</p>` : undefined;
  return html`<table><tr><th>type</th><th>name</th><th>version</th></tr>${rows}</table>${more}`;
}

function age(at: number, wall: number): string {
  const seconds = Math.max(0, Math.round((wall - at) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}
