import { didYouMean } from "../../xds/common/nearest-name.ts";
import { OUTCOME_NAMES } from "../balancing/outcome.ts";
import type { DecisionFilter } from "../telemetry/decision-ring.ts";
import { VERDICTS } from "../telemetry/verdict.ts";
import { decisionStream } from "./decision-stream.ts";
import { explainRequestOf } from "./explain.ts";
import type { HandlerContext } from "./handler.ts";
import { decisionDetail, explanationDetail } from "./inspector/decision-detail.ts";
import { detailPage } from "./inspector/page.ts";
import { jaegerTrace } from "./jaeger.ts";
import {
  type AdminAnswer,
  type AdminReply,
  type AdminRequest,
  errorReply,
  htmlReply,
  jsonReply,
} from "./reply.ts";

/** Decisions that one answer lists at most, and unless asked otherwise. */
const MAX_DECISIONS = 1_000;
const DEFAULT_DECISIONS = 100;

/** How an attempt may end, and a request as a whole. */
const OUTCOMES: readonly string[] = [...new Set([...OUTCOME_NAMES, ...VERDICTS])];

/** `/decisions`: the newest that fit, or those to come. */
export function decisions(request: AdminRequest, { sources, clock }: HandlerContext): AdminAnswer {
  const filter = filterOf(request);
  const ring = sources.decisions;
  const { outcome } = filter;
  if (outcome !== undefined && !OUTCOMES.includes(outcome))
    return errorReply(400, `outcome must be one of ${OUTCOMES.join(", ")}${didYouMean(outcome, OUTCOMES)}`);
  if (request.query.get("follow") === "1") {
    return {
      stream: decisionStream({ ring, clock, filter, asRows: request.query.get("format") === "rows" }),
    };
  }
  const text = request.query.get("limit");
  const limit = text === null ? DEFAULT_DECISIONS : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_DECISIONS) {
    return errorReply(400, `limit must be a whole number from 1 to ${MAX_DECISIONS}`);
  }
  return jsonReply({ decisions: ring.recent(filter, limit) });
}

/** `/decisions/ID`. */
export function decision(request: AdminRequest, { sources }: HandlerContext): AdminReply {
  const id = request.path.slice("/decisions/".length);
  const found = /^\d{1,15}$/.test(id) ? sources.decisions.get(Number(id)) : undefined;
  if (!found) return errorReply(404, "there is no such decision: the oldest make room for new ones");
  const siblings = sources.decisions.ofTrace(found.traceId);
  const format = request.query.get("format");
  if (format === "jaeger") return jsonReply(jaegerTrace(siblings, sources.identity.nodeCluster));
  if (format === "json" || !request.wantsHtml) return jsonReply(found);
  const detail = decisionDetail(found, siblings);
  return htmlReply(request.query.get("part") === "1" ? detail.text : detailPage(`decision ${id}`, detail));
}

/** `/explain`: what would become of a request. */
export function explain(request: AdminRequest, { sources }: HandlerContext): AdminReply {
  const asked = explainRequestOf(request);
  if ("error" in asked) return errorReply(400, asked.error);
  const explanation = sources.explain(asked);
  if (!request.wantsHtml || request.query.get("format") === "json") return jsonReply(explanation);
  const detail = explanationDetail(explanation);
  return htmlReply(request.query.get("part") === "1" ? detail.text : detailPage("explained", detail));
}

/** Empty parts of the inspector's form mean "any". */
export function filterOf({ query }: AdminRequest): DecisionFilter {
  return {
    cluster: query.get("cluster") || undefined,
    endpoint: query.get("endpoint") || undefined,
    outcome: query.get("outcome") || undefined,
    notable: query.get("notable") === "1",
  };
}
