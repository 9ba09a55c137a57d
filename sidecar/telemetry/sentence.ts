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
  const { opening, why, against } = PHRASES[evidence.reason];
  const others = against === "" ? "" : othersClause(pick, against);
  const chosen = `${opening} ${pick.address}${figures(evidence, 0)}${why}`;
  return `${chosen}${others}${excluded === "" ? "" : `; ${excluded}`}`;
}

/** How a pick is told: `opening address (figures)why`, and how those it was compared with follow; empty: nothing was compared. */
interface Phrase {
  readonly opening: string;
  readonly why: string;
  readonly against: string;
}

const PHRASES: Readonly<Record<PickReason, Phrase>> = {
  [PICK_REASON.none]: { opening: "chose", why: "", against: "" },
  [PICK_REASON.lowestScore]: { opening: "chose", why: "", against: " over" },
  [PICK_REASON.onlyEligible]: { opening: "chose", why: ", the only one that could be used", against: "" },
  [PICK_REASON.rotation]: { opening: "took", why: " in its turn", against: "" },
  [PICK_REASON.random]: { opening: "drew", why: "", against: "" },
  [PICK_REASON.hash]: { opening: "kept to", why: " by the request's hash", against: "" },
  [PICK_REASON.probation]: { opening: "gave", why: " its one trial request", against: "" },
  [PICK_REASON.exploration]: {
    opening: "tried",
    why: ", which had gone untried too long",
    against: ", instead of",
  },
  [PICK_REASON.panic]: {
    opening: "chose",
    why: " from all, because too few are healthy",
    against: ", over",
  },
};

function othersClause(pick: Pick, against: string): string {
  const { evidence } = pick;
  const addresses = pick.candidateAddresses();
  const others: string[] = [];
  for (let i = 1; i < evidence.count && others.length < COMPARED; i++) {
    others.push(`${addresses[i] ?? "?"}${figures(evidence, i)}`);
  }
  return others.length === 0 ? "" : `${against} ${others.join(" and ")}`;
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
function exclusionClause(evidence: Evidence): string {
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

/** `0 %`, `2.1 %`, `34 %`. */
export function percent(part: number): string {
  const value = part * 100;
  return `${value < 0.05 || value >= 10 ? Math.round(value) : value.toFixed(1)} %`;
}
