import { createHash } from "node:crypto";
import { Html, html } from "../common/html.ts";
import { SHORT_NAMES } from "../protocol/server-snapshot.ts";
import type { SubscriptionStatus } from "../protocol/server-subscription.ts";
import { subscriptionState } from "./admin-views.ts";
import type { ClientStatus } from "./client-connection.ts";
import type { DiscoveryService } from "./discovery-service.ts";
import type { MeshStore } from "./mesh-store.ts";

/** In the colours of the sidecar's inspector, which people have open beside it. */
const STYLE = `
:root { color-scheme: light dark; --paper: #f6f7f8; --card: #fff; --line: #e3e6ea; --ink: #16202b; --dim: #66727f;
  --good: #0d9488; --good-soft: #d9f3ef; --bad: #c8323c; --bad-soft: #fbdfe1; --faint: #eef1f4; }
@media (prefers-color-scheme: dark) { :root { --paper: #0e1318; --card: #161d24; --line: #27313b; --ink: #dfe6ec; --dim: #8d9ba8;
  --good: #2dd4bf; --good-soft: #123b38; --bad: #fb7185; --bad-soft: #45202a; --faint: #1f2831; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 13px/1.45 system-ui, sans-serif; }
header { padding: 12px 20px; border-bottom: 1px solid var(--line); background: var(--card); }
h1 { margin: 0; font-size: 17px; color: var(--good); } h1 span { color: var(--ink); font-weight: 500; }
h2 { margin: 0 0 8px; font-size: 14px; }
main { max-width: 72rem; margin: 16px auto; padding: 0 16px; }
section { margin-bottom: 14px; padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--card);
  overflow-x: auto; }
p { margin: 0 0 8px; } p:last-child { margin: 0; }
a { color: var(--good); text-decoration: none; } a:hover { text-decoration: underline; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; border-top: 1px solid var(--line); }
tr:first-child > th { border: 0; font-size: 11px; font-weight: 400; color: var(--dim); }
code, pre { font: 12px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; margin: 8px 0 0; padding: 10px 12px; border-radius: 6px; background: var(--faint); }
.state { padding: 1px 8px; border-radius: 9px; font-size: 11px; font-weight: 550; background: var(--faint); color: var(--dim); }
.state.good { background: var(--good-soft); color: var(--good); } .state.bad { background: var(--bad-soft); color: var(--bad); }
.bad { color: var(--bad); } .good { color: var(--good); } .quiet { color: var(--dim); }
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
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<title>Dashpot control server</title>${style}</head><body>
<header><h1>Dashpot <span>control server</span></h1></header>
<main><section>${fileSection(store, wall)}</section>
<section><h2>Clients</h2>
${clients.length === 0 ? html`<p class="quiet">Nobody is connected.</p>` : clientTable(clients, wall)}</section>
<section><h2>Served</h2>
${snapshotTable(store)}</section>
<p class="quiet">The same as JSON: <a href="/mesh">/mesh</a>, <a href="/clients">/clients</a>,
<a href="/snapshot">/snapshot</a>, <a href="/resources">/resources</a>.</p>
</main></body></html>`.text;
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
<td>${status.wildcard ? `all ${status.held}` : `${status.held} of ${status.namesTotal}`}</td>
<td><code>${status.sent.version}</code></td></tr>`,
  );
}

function stateCell(status: SubscriptionStatus): Html {
  const state = subscriptionState(status);
  if (state === "rejected")
    return html`<span class="state bad">rejected</span><br>${status.rejected?.reason}`;
  return html`<span class="state ${state === "accepted" ? "good" : ""}">${state}</span>`;
}

function snapshotTable({ snapshot }: MeshStore): Html {
  const all = [...snapshot.types].flatMap(([typeUrl, { resources }]) =>
    [...resources.values()].map((resource) => ({ type: SHORT_NAMES.get(typeUrl), ...resource })),
  );
  const rows = all.slice(0, MAX_ROWS).map(
    ({ type, name, version }) => html`<tr><td>${type}</td>
<td><a href="/resources?type=${type}&amp;name=${encodeURIComponent(name)}">${name}</a></td><td><code>${version}</code></td></tr>`,
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
