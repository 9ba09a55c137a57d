import { type Content, type Html, html } from "../../../xds/common/html.ts";
import type { Candidate, Decision } from "../../telemetry/decision.ts";
import type { Explanation } from "../../telemetry/explanation.ts";
import { outcomeChip } from "./decision-rows.ts";
import { clockTime, duration, latency, percent } from "./figures.ts";
import { bar, type Phase, timeline } from "./graphics.ts";

/** Everything about one decision: the numbers it was based on, what was left out, how it went. */
export function decisionDetail(decision: Decision, siblings: readonly Decision[]): Html {
  const { request, versions, excluded } = decision;
  return html`<article class="detail">
<header><h2>${decision.method} ${decision.authority}${decision.path}</h2>${outcomeChip(decision)}</header>
<p class="lead">${decision.sentence}.</p>
${siblings.length > 1 && html`<nav class="attempts">${siblings.map((other) => html`<a href="/decisions/${other.id}" data-panel class="attempt ${other.id === decision.id ? "here" : ""}">attempt ${other.attempt + 1}: ${other.chosen || "none"} ${outcomeChip(other)}</a>`)}</nav>`}
<h3>Candidates <small>${decision.eligible} of ${decision.total} in the choice</small></h3>
${candidatesTable(decision.candidates, decision.chosen)}
${excluded.length > 0 && html`<p class="dim">Not in the choice: ${excluded.map(({ cause, count }, i) => html`${i > 0 && ", "}${count} ${cause.replaceAll("_", " ")}`)}.</p>`}
<h3>Time <small>${duration(decision.durationMs)}</small></h3>
${timeline(phasesOf(decision), decision.durationMs)}
<p class="dim legend"><i class="phase connect"></i>${decision.reusedConnection ? "connection reused" : "connect"} ${latency(decision.connectMs)} <i class="phase wait"></i>first byte ${latency(decision.firstByteMs)} <i class="phase body"></i>end ${duration(decision.durationMs)}</p>
<h3>What came of it</h3>
${facts([
  ["attempt", `${decision.attempt + 1} of ${decision.attempts}`],
  ["outcome", `${decision.outcome}${decision.status > 0 ? `, status ${decision.status}` : ""}`],
  ["error", decision.error ? `${decision.error.flag} ${decision.error.code}: ${decision.error.detail}` : ""],
  ["retry", decision.retryDecision],
  [
    "request",
    `${request.verdict.replaceAll("_", " ")}, status ${request.status || "none"}, ${duration(request.durationMs)}`,
  ],
])}
<h3>Under what rules</h3>
${facts([
  ["time", `${clockTime(decision.time)} UTC`],
  ["listener", decision.listener],
  ["route", decision.route],
  ["cluster", decision.cluster],
  ["policy", `${decision.policy}, ${decision.reason.replaceAll("_", " ")}`],
  [
    "versions",
    `route ${versions.route || "–"}, cluster ${versions.cluster || "–"}, endpoints ${versions.endpoints || "–"}`,
  ],
  ["weights", `generation ${decision.weightsGeneration}`],
  ["kept because", decision.keptBecause],
  ["trace", html`<code>${decision.traceId}</code>`],
  ["span", html`<code>${decision.spanId}</code>`],
  ["request id", decision.requestId === "" ? "" : html`<code>${decision.requestId}</code>`],
])}
<p class="dim"><a href="/decisions/${decision.id}?format=json">as JSON</a> · <a href="/decisions/${decision.id}?format=jaeger" download="trace.json">for Jaeger's upload</a></p></article>`;
}

/** What a request would meet now. */
export function explanationDetail(explanation: Explanation): Html {
  return html`<article class="detail"><header><h2>Explained</h2><span class="chip plain">nothing was sent</span></header>
<p class="lead">${explanation.sentence}.</p>
${facts([
  ["listener", explanation.listener],
  ["route", explanation.route || "none matches"],
  ["action", explanation.action.replaceAll("_", " ")],
  ["cluster", explanation.cluster],
  ["policy", explanation.policy],
])}
${explanation.candidates.length > 0 && html`<h3>Candidates <small>${explanation.eligible} of ${explanation.total} in the choice</small></h3>`}
${explanation.candidates.length > 0 && candidatesTable(explanation.candidates, explanation.chosen)}</article>`;
}

function candidatesTable(candidates: readonly Candidate[], chosen: string): Html {
  const highest = Math.max(...candidates.map(({ score }) => score ?? 0), Number.MIN_VALUE);
  return html`<table class="candidates"><thead><tr><th>endpoint<th class="wide">score, the smaller the better<th class="n">latency<th class="n">errors<th class="n">in flight<th class="n">weight</tr></thead><tbody>
${candidates.map((candidate) => {
  const isChosen = candidate.address === chosen;
  return html`<tr class="${isChosen ? "chosen" : ""}"><th scope="row">${candidate.address}${isChosen && html` <span class="chip good">chosen</span>`}
<td class="share">${candidate.score !== null && bar(candidate.score / highest, isChosen ? "good" : "off")}<b>${figure(candidate.score)}</b>
<td class="n">${latency(candidate.latencyMs)}<td class="n">${candidate.errorRate === null ? "–" : percent(candidate.errorRate)}<td class="n">${candidate.inFlight ?? "–"}<td class="n">${figure(candidate.weight)}</tr>`;
})}${candidates.length === 0 && html`<tr><td colspan="6" class="empty">none`}</tbody></table>`;
}

function phasesOf({ connectMs, firstByteMs, durationMs }: Decision): Phase[] {
  const connected = connectMs ?? durationMs;
  const phases: Phase[] = [{ name: "connect", from: 0, to: connected }];
  if (connectMs !== null) phases.push({ name: "wait", from: connected, to: firstByteMs ?? durationMs });
  if (firstByteMs !== null) phases.push({ name: "body", from: firstByteMs, to: durationMs });
  return phases;
}

function figure(value: number | null): string {
  if (value === null) return "–";
  return value >= 1_000 ? value.toFixed(0) : value.toPrecision(3);
}

function facts(pairs: readonly (readonly [name: string, value: Content])[]): Html {
  const shown = pairs.filter(([, value]) => value !== "");
  return html`<dl>${shown.map(([name, value]) => html`<dt>${name}<dd>${value}`)}</dl>`;
}
