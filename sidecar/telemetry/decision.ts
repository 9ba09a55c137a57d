import { PICK_REASON_NAMES } from "../balancing/evidence.ts";
import { OUTCOME_NAMES } from "../balancing/outcome.ts";
import type { AttemptFacts, ExchangeFacts } from "./facts.ts";
import type { ShownRequest } from "./redaction.ts";
import { type Exclusion, exclusions, type Pick } from "./sentence.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

/** One endpoint that a pick compared, with the parts of its score. Null: not known yet. */
export interface Candidate {
  readonly address: string;
  readonly score: number | null;
  readonly latencyMs: number | null;
  readonly errorRate: number | null;
  readonly weight: number | null;
  readonly inFlight: number | null;
}

/** Why a decision was kept. */
export type KeptBecause = "sampled" | "error" | "retry" | "ejection" | "slow";

/** One pick and what came of it, as people and programs read it. Plain data: it goes out as JSON as it stands. */
export interface Decision {
  /** Unique in this process and growing: a follower asks for what is newer. */
  readonly id: number;
  /** Wall time in ms at which the attempt began. */
  readonly time: number;
  readonly keptBecause: KeptBecause;
  readonly traceId: string;
  /** The attempt's own CLIENT span, and the SERVER span above it. */
  readonly spanId: string;
  readonly requestSpanId: string;
  readonly requestId: string;
  readonly method: string;
  readonly authority: string;
  /** Without the query. */
  readonly path: string;
  readonly listener: string;
  readonly route: string;
  readonly cluster: string;
  readonly versions: { readonly route: string; readonly cluster: string; readonly endpoints: string };
  readonly policy: string;
  readonly reason: string;
  /** 0 for the first try. */
  readonly attempt: number;
  /** Attempts that the request took in all. */
  readonly attempts: number;
  /** Empty: no endpoint could be used. */
  readonly chosen: string;
  /** The chosen one first, then the next best. */
  readonly candidates: readonly Candidate[];
  readonly eligible: number;
  readonly total: number;
  readonly excluded: readonly Exclusion[];
  readonly weightsGeneration: number;
  /** The random draw of the pick, for replay; 0: it used none. */
  readonly draw: number;
  /** How the attempt ended. */
  readonly outcome: string;
  /** 0: no response. */
  readonly status: number;
  readonly error: { readonly code: string; readonly flag: string; readonly detail: string } | null;
  readonly retryDecision: string;
  readonly reusedConnection: boolean;
  /** Null where the attempt did not come so far. */
  readonly connectMs: number | null;
  readonly firstByteMs: number | null;
  readonly durationMs: number;
  /** How the request ended. */
  readonly request: { readonly verdict: Verdict; readonly status: number; readonly durationMs: number };
  readonly sentence: string;
}

export interface DecisionParts {
  readonly id: number;
  readonly facts: ExchangeFacts;
  readonly request: ShownRequest;
  readonly attempt: AttemptFacts;
  readonly keptBecause: KeptBecause;
  /** Wall time minus monotonic time, in ms. */
  readonly epochMs: number;
  readonly sentence: string;
}

export function decisionOf({
  id,
  facts,
  request,
  attempt,
  keptBecause,
  epochMs,
  sentence,
}: DecisionParts): Decision {
  const { evidence, error } = attempt;
  const endedAt = Number.isNaN(attempt.endedAt) ? facts.endedAt : attempt.endedAt;
  return {
    id,
    time: Math.round((epochMs + attempt.startedAt) * 1_000) / 1_000,
    keptBecause,
    traceId: facts.trace.traceId,
    spanId: attempt.spanId,
    requestSpanId: facts.trace.spanId,
    requestId: owned(request.requestId),
    method: owned(request.method),
    authority: owned(request.authority),
    path: owned(request.path),
    listener: facts.listener,
    route: facts.route,
    cluster: facts.cluster,
    versions: { route: facts.routeVersion, cluster: facts.clusterVersion, endpoints: facts.endpointsVersion },
    policy: facts.policy,
    reason: PICK_REASON_NAMES[evidence.reason],
    attempt: attempt.number,
    attempts: facts.attempts.length,
    chosen: attempt.address,
    candidates: candidatesOf(attempt),
    eligible: evidence.eligible,
    total: evidence.total,
    excluded: exclusions(evidence),
    weightsGeneration: evidence.weightsGeneration,
    draw: evidence.draw,
    outcome: OUTCOME_NAMES[attempt.outcome] ?? "",
    status: attempt.status,
    error: error
      ? { code: error.kind.code, flag: error.kind.flag, detail: owned(request.shorten(error.detail)) }
      : null,
    retryDecision: attempt.retryDecision,
    reusedConnection: attempt.reusedConnection,
    connectMs: elapsed(attempt.startedAt, attempt.connectedAt),
    firstByteMs: elapsed(attempt.startedAt, attempt.firstByteAt),
    durationMs: elapsed(attempt.startedAt, endedAt) ?? 0,
    request: {
      verdict: verdictOf(facts),
      status: facts.status,
      durationMs: elapsed(facts.startedAt, facts.endedAt) ?? 0,
    },
    sentence,
  };
}

/** A part of a head keeps all of it in memory: what is kept for long is copied. */
function owned(text: string): string {
  return Buffer.from(text).toString();
}

/** The endpoints that a pick compared, the chosen one first. */
export function candidatesOf(pick: Pick): Candidate[] {
  const { evidence } = pick;
  const addresses = pick.candidateAddresses();
  const candidates: Candidate[] = [];
  for (let i = 0; i < evidence.count; i++) {
    candidates.push({
      address: addresses[i] ?? "",
      score: known(evidence.scores[i]),
      latencyMs: known(evidence.latencyMs[i]),
      errorRate: known(evidence.errorRates[i]),
      weight: known(evidence.weights[i]),
      inFlight: known(evidence.inFlight[i]),
    });
  }
  return candidates;
}

/** JSON has no NaN. */
function known(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

function elapsed(from: number, to: number): number | null {
  return to >= from ? Math.round((to - from) * 1_000) / 1_000 : null;
}
