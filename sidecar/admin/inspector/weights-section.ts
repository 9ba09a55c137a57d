import { type Html, html } from "../../../xds/common/html.ts";
import type { EndpointView, WeightStep } from "../../balancing/balancer.ts";
import type { RecordedEvent } from "../../telemetry/balancer-events.ts";
import type { ClusterView } from "../../upstream/upstream-cluster.ts";
import { clockTime, percent } from "./figures.ts";

const MAX_ROWS = 50;
const MAX_EVENTS = 30;

/** How the slow loop came to each endpoint's weight, step by step. */
export function weightsSection(clusters: readonly ClusterView[]): Html {
  return html`<section id="weights"><header><h2>Why these weights</h2><span class="note">the slow loop: target, belief, damped step; see <a href="/weights">/weights</a></span></header>
<table><thead><tr><th>cluster<th>endpoint<th class="n">target<th class="n">believed<th class="n">weight<th>the last step</tr></thead>
<tbody>${clusters.flatMap(({ name, balancer }) => balancer.endpoints.slice(0, MAX_ROWS).map((endpoint) => weightRow(name, endpoint)))}</tbody></table></section>`;
}

function weightRow(cluster: string, { address, weightStep, weight }: EndpointView): Html {
  return html`<tr><td class="dim">${cluster}<th scope="row">${address}<td class="n">${weightStep.target.toFixed(2)}<td class="n">${percent(weightStep.confidence)}<td class="n"><b>${weight.toFixed(2)}</b><td class="dim">${stepText(weightStep)}</tr>`;
}

/** What bounded the newest step, in words. */
export function stepText({ target, confidence, limitedBy }: WeightStep): string {
  if (confidence === 0) return "nothing is learned yet";
  const belief = confidence < 0.5 ? "few samples, so the target is hardly believed; " : "";
  return belief + LIMITS[limitedBy](target);
}

const LIMITS: Readonly<Record<WeightStep["limitedBy"], (target: number) => string>> = {
  none: (target) => `went half of the way to ${target.toFixed(2)}`,
  deadband: () => "stays: within the deadband",
  step_up: (target) => `on its way up to ${target.toFixed(2)}, as fast as a step may be`,
  step_down: (target) => `on its way down to ${target.toFixed(2)}, as fast as a step may be`,
  floor: () => "at the floor: it is still tried now and then",
  ceiling: () => "at the ceiling",
};

/** Ejections, probations, returns and panics, newest first. */
export function changesSection(events: readonly RecordedEvent[]): Html {
  return html`<section id="changes"><header><h2>Changes</h2><span class="note">ejections, trials, returns</span></header>
<ol class="changes">${events.slice(0, MAX_EVENTS).map(changeRow)}${events.length === 0 && html`<li class="empty">none since the start</li>`}</ol></section>`;
}

function changeRow({ time, cluster, kind, address, reason }: RecordedEvent): Html {
  const subject = address === "" ? cluster : address;
  return html`<li><time>${clockTime(time).slice(0, 8)}</time> <span class="chip ${CHANGE_TONES[kind]}">${kind.replaceAll("_", " ")}</span> <b>${subject}</b> <span class="dim">${reason}</span></li>`;
}

const CHANGE_TONES: Readonly<Record<RecordedEvent["kind"], string>> = {
  suspected: "warn",
  ejected: "bad",
  probation: "trial",
  returned: "good",
  panic_entered: "bad",
  panic_left: "good",
  weights_updated: "plain",
};
