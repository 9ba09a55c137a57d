import type { Decision } from "../telemetry/decision.ts";

interface Tag {
  readonly key: string;
  readonly type: "string" | "int64" | "float64" | "bool";
  readonly value: string | number | boolean;
}

/**
 * The attempts of one request as Jaeger's own JSON, which its UI takes as a file: to look at a decision there, nothing but the UI is needed.
 *
 * @param decisions of one trace, first attempt first; at least one.
 */
export function jaegerTrace(decisions: readonly Decision[], serviceName: string): object {
  const first = decisions[0]!;
  const { traceId, requestSpanId, request } = first;
  const root = {
    traceID: traceId,
    spanID: requestSpanId,
    operationName: `${first.method} ${first.route}`,
    references: [],
    startTime: Math.round(first.time * 1_000),
    duration: Math.round(request.durationMs * 1_000),
    tags: [
      tag("span.kind", "server"),
      tag("http.request.method", first.method),
      tag("http.response.status_code", request.status),
      tag("dashpot.cluster", first.cluster),
      tag("dashpot.outcome", request.verdict),
    ],
    logs: [],
    processID: "p1",
  };
  return {
    data: [
      {
        traceID: traceId,
        spans: [root, ...decisions.map((decision) => attemptSpan(decision))],
        processes: { p1: { serviceName, tags: [] } },
      },
    ],
  };
}

function attemptSpan(decision: Decision): object {
  const { traceId, spanId, requestSpanId } = decision;
  return {
    traceID: traceId,
    spanID: spanId,
    operationName: `${decision.method} ${decision.route}`,
    references: [{ refType: "CHILD_OF", traceID: traceId, spanID: requestSpanId }],
    startTime: Math.round(decision.time * 1_000),
    duration: Math.round(decision.durationMs * 1_000),
    tags: [
      tag("span.kind", "client"),
      tag("server.address", decision.chosen),
      tag("http.response.status_code", decision.status),
      tag("error", decision.outcome !== "success" && decision.outcome !== "cancelled"),
      tag("dashpot.lb.policy", decision.policy),
      tag("dashpot.lb.reason", decision.reason),
      tag("dashpot.lb.candidates", decision.candidates.map(({ address }) => address).join(", ")),
      tag("dashpot.lb.scores", decision.candidates.map(({ score }) => String(score)).join(", ")),
      tag("dashpot.lb.explain", decision.sentence),
      tag("dashpot.retry.decision", decision.retryDecision),
    ],
    logs: [],
    processID: "p1",
  };
}

function tag(key: string, value: string | number | boolean): Tag {
  if (typeof value === "string") return { key, type: "string", value };
  if (typeof value === "boolean") return { key, type: "bool", value };
  return { key, type: Number.isInteger(value) ? "int64" : "float64", value };
}
