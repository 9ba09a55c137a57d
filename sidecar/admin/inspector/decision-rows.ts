import { type Html, html } from "../../../xds/common/html.ts";
import type { Decision } from "../../telemetry/decision.ts";
import { clockTime, duration } from "./figures.ts";

/** One decision in the stream. It is a link, so that it opens without a script too. */
export function decisionRow(decision: Decision): Html {
  const { id, time, route, cluster, chosen, keptBecause, attempt } = decision;
  return html`<li class="decision ${toneOf(decision)}" id="d${id}"><a href="/decisions/${id}" data-panel><span class="head"><time>${clockTime(time)}</time> <b>${chosen || "none"}</b>${attempt > 0 && html` <span class="chip plain">retry ${attempt}</span>`}<span class="end">${keptBecause !== "sampled" && html`<span class="chip plain">${keptBecause}</span> `}${outcomeChip(decision)}</span></span><span class="sentence">${decision.sentence}</span><span class="foot">${decision.method} ${decision.authority}${decision.path} · ${route || cluster} · ${duration(decision.durationMs)}</span></a></li>`;
}

/** What needs a look stands out at the edge. */
function toneOf({ request, keptBecause }: Decision): string {
  if (request.verdict !== "ok" && request.verdict !== "retried_ok" && request.verdict !== "cancelled")
    return "bad";
  return keptBecause === "sampled" ? "" : "warn";
}

export function outcomeChip({ outcome, status, error }: Decision): Html {
  const tone = outcome === "success" ? "good" : outcome === "cancelled" ? "plain" : "bad";
  const words = outcome.replaceAll("_", " ");
  const text = outcome === "success" ? String(status) : `${words}${status > 0 ? ` ${status}` : ""}`;
  return html`<span class="chip ${tone}" title="${error?.detail ?? words}">${text}</span>`;
}

/** One line, as a server-sent event carries it. */
export function eventLine(row: Html): string {
  return row.text.replaceAll(/\s*\n\s*/g, " ");
}
