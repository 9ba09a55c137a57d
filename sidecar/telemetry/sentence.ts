import {
  type Evidence,
  EXCLUSION_NAMES,
  type ExclusionName,
  PICK_REASON,
  type PickReason,
} from "../balancing/evidence.ts";

/** What a sentence about a pick needs: an attempt's facts satisfy it, and so does a dry run. */
export interface Pick {
  readonly evidence: Evidence;
  /** Empty: no endpoint could be used. */
  readonly address: string;
  candidateAddresses(): readonly string[];
}

/** Candidates that a sentence compares the chosen one with. The rest is in the numbers. */
const COMPARED = 2;

/** One sentence that says which endpoint was chosen and what for, with the numbers that decided. */
export function pickSentence(pick: Pick, cluster: string): string {
  const { evidence } = pick;
  const excluded = exclusionClause(evidence);
  if (pick.address === "") {
    const of = evidence.total === 0 ? "it has none" : excluded || "none may be used";
    return `no endpoint of ${cluster} could be used: ${of}`;
  }
  const opening = OPENINGS[evidence.reason];
  const over = evidence.reason === PICK_REASON.onlyEligible ? "" : overClause(pick);
  return `${opening(pick.address, figures(evidence, 0))}${over}${excluded === "" ? "" : `; ${excluded}`}`;
}

type Opening = (address: string, figures: string) => string;

const OPENINGS: Readonly<Record<PickReason, Opening>> = {
  [PICK_REASON.none]: (address, figures) => `chose ${address}${figures}`,
  [PICK_REASON.lowestScore]: (address, figures) => `chose ${address}${figures}`,
  [PICK_REASON.onlyEligible]: (address, figures) =>
    `chose ${address}${figures}, the only one that could be used`,
  [PICK_REASON.rotation]: (address, figures) => `took ${address}${figures} in its turn`,
  [PICK_REASON.random]: (address, figures) => `drew ${address}${figures}`,
  [PICK_REASON.hash]: (address, figures) => `kept to ${address}${figures} by the request's hash`,
  [PICK_REASON.probation]: (address, figures) => `gave ${address}${figures} its one trial request`,
  [PICK_REASON.exploration]: (address, figures) =>
    `tried ${address}${figures}, which had gone untried too long`,
  [PICK_REASON.panic]: (address, figures) =>
    `chose ${address}${figures} though too few are healthy, all being in use`,
};

function overClause(pick: Pick): string {
  const { evidence } = pick;
  const addresses = pick.candidateAddresses();
  const others: string[] = [];
  for (let i = 1; i < evidence.count && others.length < COMPARED; i++) {
    others.push(`${addresses[i] ?? "?"}${figures(evidence, i)}`);
  }
  return others.length === 0 ? "" : ` over ${others.join(" and ")}`;
}

/** ` (12 ms, 0 % errors, weight 1.10, 2 in flight)`. */
function figures(evidence: Evidence, i: number): string {
  if (i >= evidence.count) return "";
  const latency = evidence.latencyMs[i]!;
  const errors = evidence.errorRates[i]!;
  const parts = [
    latency > 0 ? duration(latency) : "not measured yet",
    `${percent(errors)} errors`,
    `weight ${evidence.weights[i]!.toFixed(2)}`,
    `${evidence.inFlight[i]!} in flight`,
  ];
  return ` (${parts.join(", ")})`;
}

/** `1 of 3 ejected, 1 draining`; empty when every endpoint was in the choice. */
export function exclusionClause(evidence: Evidence): string {
  const parts = exclusions(evidence).map(({ cause, count }) => `${count} ${CAUSES[cause]}`);
  if (parts.length === 0) return "";
  const [first, ...rest] = parts;
  return [first!.replace(/^(\d+) /, `$1 of ${evidence.total} `), ...rest].join(", ");
}

const CAUSES: Readonly<Record<ExclusionName, string>> = {
  ejected: "ejected",
  probation: "on probation",
  unhealthy: "unhealthy",
  draining: "draining",
  other_priority: "of another priority",
  other_locality: "of another locality",
  already_tried: "already tried",
  not_sampled: "not compared",
};

export interface Exclusion {
  readonly cause: ExclusionName;
  readonly count: number;
}

export function exclusions(evidence: Evidence): Exclusion[] {
  return EXCLUSION_NAMES.map((cause, i) => ({ cause, count: evidence.excluded[i]! })).filter(
    ({ count }) => count > 0,
  );
}

/** `850 us`, `12 ms`, `1.5 s`: two to three digits, as people say it. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1_000))} us`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(1)} s`;
}

export function percent(part: number): string {
  const value = part * 100;
  return `${value === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} %`;
}
