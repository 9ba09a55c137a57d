/** Why the pick fell on that endpoint. Indexes into PICK_REASONS; append, never renumber. */
export const PICK_REASON = Object.freeze({
  none: 0,
  lowestScore: 1,
  onlyEligible: 2,
  rotation: 3,
  random: 4,
  hash: 5,
  /** A half-open endpoint was given its one trial request. */
  probation: 6,
  /** An endpoint that had gone untried too long was tried. */
  exploration: 7,
  /** Too few are healthy: ejections and health were ignored. */
  panic: 8,
});
export type PickReason = (typeof PICK_REASON)[keyof typeof PICK_REASON];
export const PICK_REASON_NAMES = [
  "none",
  "lowest_score",
  "only_eligible",
  "rotation",
  "random",
  "hash",
  "probation",
  "exploration",
  "panic",
] as const;

/** Why an endpoint was not in the choice. Indexes of `Evidence.excluded`. */
export const EXCLUSION_NAMES = [
  "ejected",
  "probation",
  "unhealthy",
  "draining",
  "other_priority",
  "other_locality",
  "already_tried",
  "not_sampled",
] as const;
export type ExclusionName = (typeof EXCLUSION_NAMES)[number];

/** Candidates whose numbers are kept per pick: the chosen one first, then the next best. */
export const EVIDENCE_CANDIDATES = 4;

/**
 * What a pick was based on, as numbers in reused arrays: writing it allocates nothing, so it is kept for every pick and
 * turned into words only when somebody will read it. One object per attempt slot, owned by the exchange, filled by `pick`.
 */
export class Evidence {
  reason: PickReason = PICK_REASON.none;
  /** Endpoints in the choice, and endpoints in all. */
  eligible = 0;
  total = 0;
  /** Which state of the slow loop's weights was in force. */
  weightsGeneration = 0;
  /** The random draw that the pick began with; 0 when it used none. With the same seed and calls it is the same. */
  draw = 0;
  /** Candidates recorded below, 0..EVIDENCE_CANDIDATES. */
  count = 0;
  readonly slots = new Int32Array(EVIDENCE_CANDIDATES);
  readonly scores = new Float64Array(EVIDENCE_CANDIDATES);
  readonly latencyMs = new Float64Array(EVIDENCE_CANDIDATES);
  readonly inFlight = new Float64Array(EVIDENCE_CANDIDATES);
  readonly weights = new Float64Array(EVIDENCE_CANDIDATES);
  readonly errorRates = new Float64Array(EVIDENCE_CANDIDATES);
  readonly excluded = new Int32Array(EXCLUSION_NAMES.length);

  clear(): void {
    this.reason = PICK_REASON.none;
    this.eligible = 0;
    this.total = 0;
    this.draw = 0;
    this.count = 0;
    // A loop, because a call of `fill` costs more than these few.
    for (let i = 0; i < this.excluded.length; i++) this.excluded[i] = 0;
  }
}
