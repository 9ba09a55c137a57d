import type { Clock } from "../../xds/common/clock.ts";
import type { Random } from "../../xds/common/random.ts";
import type { ClusterLoadAssignment } from "../../xds/model/endpoint.ts";
import { NO_LOCALITY } from "../../xds/model/no-locality.ts";
import { adaptiveSettings, RETURNING } from "./adaptive-settings.ts";
import type {
  Balancer,
  BalancerEvent,
  BalancerView,
  LoadReport,
  PickRequest,
  Slot,
  Ticket,
} from "./balancer.ts";
import { NO_SLOT } from "./balancer.ts";
import type { BalancerOptions, BalancerSources, ResolvedPolicy } from "./balancer-options.ts";
import { viewOf } from "./balancer-view.ts";
import type { Columns } from "./column.ts";
import type { Detection } from "./detection.ts";
import { Eligibility } from "./eligibility.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { EndpointStates } from "./endpoint-states.ts";
import { EndpointWeights } from "./endpoint-weights.ts";
import { EnvoyDetection } from "./envoy-detection.ts";
import { EVIDENCE_CANDIDATES, type Evidence, PICK_REASON } from "./evidence.ts";
import { FailureEstimates } from "./failure-estimates.ts";
import { InFlight } from "./in-flight.ts";
import { LatencyEstimates } from "./latency-estimates.ts";
import { LoadReports } from "./load-reports.ts";
import { isFailure, OUTCOME, type Outcome } from "./outcome.ts";
import { OwnDetection } from "./own-detection.ts";
import { PickCounts } from "./pick-counts.ts";
import { createPolicy } from "./policies/create-policy.ts";
import type { Chooser, Policy } from "./policies/policy.ts";
import { Roster } from "./roster.ts";
import { Trials } from "./trials.ts";
import { WeightController } from "./weight-controller.ts";

const PANIC_THRESHOLD = 50;
/** Slow start makes sense only beside endpoints that can carry the load meanwhile. */
const SETTLED_ENDPOINTS = 2;
const TICK_MS = 100;
const IDLE_TICK_MS = 1_000;
/** Above the scan limit latency also acts through the weights that endpoints are drawn by. */
const SAMPLED_CAPACITY_EXPONENT = 0.5;

/** One cluster's state and the order in which its parts are told of things. */
export class ClusterBalancer implements Balancer {
  readonly #policyName: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onEvent: ((event: BalancerEvent) => void) | undefined;
  readonly #inFlight = new InFlight();
  readonly #failures = new FailureEstimates();
  readonly #latency: LatencyEstimates;
  readonly #reports = new LoadReports();
  readonly #picks = new PickCounts();
  readonly #weights = new EndpointWeights();
  readonly #states: EndpointStates;
  readonly #detection: Detection;
  readonly #controller: WeightController;
  readonly #roster: Roster;
  readonly #eligibility: Eligibility;
  readonly #trials: Trials;
  readonly #policy: Policy;
  readonly #choosers = new WeakMap<EndpointSet, Chooser>();
  readonly #failedChecks = new Set<string>();
  readonly #adaptive: boolean;
  readonly #checksUneject: boolean;
  readonly #scanLimit: number;
  #dueAt = 0;
  #stalledAt = Number.NEGATIVE_INFINITY;
  #startsSinceTick = 0;
  /** Who made the last proposal, and is told when it is followed. */
  #chosenBy: Chooser | undefined;
  /** Weights that moved by themselves at the last tick take their last step at this one. */
  #wasMoving = false;
  #panic = false;

  constructor(policy: ResolvedPolicy, options: BalancerOptions, sources: BalancerSources) {
    this.#policyName = policy.kind;
    this.#clock = sources.clock;
    this.#random = sources.random;
    this.#onEvent = sources.onEvent;
    this.#adaptive = policy.kind === "adaptive";
    const settings = adaptiveSettings(policy.kind === "adaptive" ? policy : {});
    this.#scanLimit = settings.scanLimit;
    this.#latency = new LatencyEstimates(settings.decayMs);
    const envoy = options.outlierDetection;
    this.#checksUneject = envoy?.activeHealthCheckUnejects ?? true;
    const chosen = "slowStart" in policy ? policy.slowStart : undefined;
    this.#states = new EndpointStates(
      { halfOpen: envoy === undefined, slowStart: envoy === undefined ? RETURNING : undefined },
      chosen ?? (this.#adaptive ? settings.slowStart : undefined),
      (kind, slot, reason, durationMs) => this.#report(kind, this.#roster.address(slot), reason, durationMs),
    );
    const columns: Columns[] = [
      this.#inFlight,
      this.#failures,
      this.#latency,
      this.#reports,
      this.#picks,
      this.#weights,
      this.#states,
    ];
    this.#roster = new Roster(columns);
    this.#controller = new WeightController(
      this.#roster,
      this.#weights,
      this.#failures,
      this.#latency,
      this.#random,
      settings.weightUpdateMs,
    );
    this.#detection = envoy
      ? new EnvoyDetection(envoy, this.#roster, this.#states, this.#random)
      : new OwnDetection(
          this.#roster,
          this.#states,
          this.#failures,
          this.#latency,
          this.#inFlight,
          this.#random,
        );
    this.#policy = createPolicy(policy, {
      roster: this.#roster,
      inFlight: this.#inFlight,
      latency: this.#latency,
      failures: this.#failures,
      reports: this.#reports,
      weights: this.#weights,
      random: this.#random,
    });
    columns.push(this.#controller, this.#detection, {
      grow: (capacity) => this.#policy.grow?.(capacity),
      clear: (slot) => this.#policy.clear?.(slot),
    });
    this.#eligibility = new Eligibility(this.#roster, this.#states, this.#failedChecks, {
      panicThreshold: options.panicThreshold ?? PANIC_THRESHOLD,
      locality: options.locality ?? NO_LOCALITY,
      localZone: options.localZone ?? "",
      spillsByLoad: this.#adaptive,
    });
    this.#trials = new Trials(
      this.#roster,
      this.#states,
      this.#inFlight,
      this.#eligibility,
      this.#failedChecks,
    );
  }

  update(assignment: ClusterLoadAssignment): void {
    const now = this.#clock.now();
    const settled = this.#roster.count;
    const { changed, added } = this.#roster.update(assignment);
    if (!changed) return;
    for (const slot of added) {
      if (settled >= SETTLED_ENDPOINTS) this.#states.startSlowly(slot, now);
    }
    for (const slot of this.#roster.leavers()) {
      this.#states.forget(slot);
      this.#reports.clear(slot);
      this.#freeIfIdle(slot);
    }
    for (const address of this.#failedChecks) {
      if (this.#roster.slot(address) === undefined) this.#failedChecks.delete(address);
    }
    this.#weights.recompute(this.#roster, this.#states, now);
    this.#reschedule();
    this.#states.changed = true;
  }

  pick(request: PickRequest, evidence: Evidence): Slot {
    evidence.clear();
    const now = this.#clock.now();
    if (now >= this.#dueAt) this.tick();
    if (this.#states.changed) this.#rebuild();
    evidence.total = this.#roster.count;
    evidence.weightsGeneration = this.#controller.generation;
    this.#chosenBy = undefined;
    let slot = this.#trials.next(request);
    if (slot === NO_SLOT) slot = this.#choose(request, now, evidence);
    else {
      evidence.reason = PICK_REASON.probation;
      evidence.eligible = 1;
    }
    if (slot === NO_SLOT) return NO_SLOT;
    this.#describe(slot, now, evidence);
    return slot;
  }

  onStart(slot: Slot): Ticket {
    const now = this.#clock.now();
    const ticket = this.#inFlight.start(slot, now);
    this.#picks.add(slot, now);
    this.#startsSinceTick++;
    this.#trials.onStart(slot);
    this.#chosenBy?.onStart?.(slot, now);
    this.#chosenBy = undefined;
    return ticket;
  }

  onResponse(ticket: Ticket): void {
    const place = this.#inFlight.place(ticket);
    if (place >= 0) this.#inFlight.answer(place, this.#clock.now());
  }

  onEnd(ticket: Ticket, outcome: Outcome, retryAfterMs = 0): void {
    const place = this.#inFlight.place(ticket);
    if (place < 0) return;
    const now = this.#clock.now();
    const slot = this.#inFlight.slotAt(place);
    const startedAt = this.#inFlight.startedAt(place);
    const answeredAt = this.#inFlight.answeredAt(place);
    this.#inFlight.end(place);
    if (this.#roster.endpoint(slot) === undefined) {
      this.#freeIfIdle(slot);
      return;
    }
    const elapsed = Math.max(0, (Number.isNaN(answeredAt) ? now : answeredAt) - startedAt);
    this.#learn(slot, outcome, elapsed, startedAt < this.#stalledAt, now, retryAfterMs);
  }

  onLoadReport(slot: Slot, report: LoadReport): void {
    if (this.#roster.endpoint(slot) === undefined) return;
    const now = this.#clock.now();
    this.#reports.take(slot, report, now);
    this.#policy.onLoadReport?.(slot, report, now);
  }

  onHealthCheck(address: string, healthy: boolean): void {
    const slot = this.#roster.slot(address);
    if (slot === undefined) return;
    const now = this.#clock.now();
    if (!healthy) {
      this.#failedChecks.add(address);
      this.#states.changed = true;
      return;
    }
    const recovered = this.#failedChecks.delete(address);
    if (recovered) this.#states.changed = true;
    if (this.#states.isOut(slot)) {
      if (this.#checksUneject) this.#states.admit(slot, now, "an active health check passed");
    } else if (recovered) this.#states.startSlowly(slot, now);
  }

  onStall(ms: number): void {
    if (!(ms > 0)) return;
    this.#stalledAt = this.#clock.now();
    if (this.#detection instanceof OwnDetection) this.#detection.onStall(this.#stalledAt);
  }

  tick(): number {
    const now = this.#clock.now();
    const wait =
      this.#startsSinceTick > 0 || this.#inFlight.total > 0 || this.#states.out > 0 ? TICK_MS : IDLE_TICK_MS;
    this.#startsSinceTick = 0;
    this.#dueAt = now + wait;
    this.#detection.tick(now);
    this.#states.advance(this.#roster.members, this.#roster.count, now);
    const stepped = this.#adaptive && this.#controller.tick(now, this.#capacityExponent());
    if (stepped) {
      this.#report("weights_updated", "", `generation ${this.#controller.generation}`, 0);
    }
    const policyMoved = this.#policy.tick?.(now) ?? false;
    const moving = this.#states.moving || this.#weights.moving(now);
    const mayChange = stepped || moving || this.#wasMoving;
    this.#wasMoving = moving;
    const changed = mayChange && this.#weights.recompute(this.#roster, this.#states, now);
    if (changed || policyMoved) this.#reschedule();
    return wait;
  }

  address(slot: Slot): string {
    return this.#roster.address(slot);
  }

  view(): BalancerView {
    if (this.#states.changed) this.#rebuild();
    return viewOf(this.#clock.now(), this.#policyName, this.#panic, {
      roster: this.#roster,
      states: this.#states,
      weights: this.#weights,
      controller: this.#controller,
      latency: this.#latency,
      failures: this.#failures,
      inFlight: this.#inFlight,
      picks: this.#picks,
      reports: this.#reports,
      failedChecks: this.#failedChecks,
    });
  }

  #rebuild(): void {
    this.#states.changed = false;
    this.#eligibility.rebuild();
    if (this.#eligibility.panic === this.#panic) return;
    this.#panic = this.#eligibility.panic;
    if (this.#panic)
      this.#report("panic_entered", "", "too few endpoints are healthy: health and ejections are ignored", 0);
    else this.#report("panic_left", "", "enough endpoints are healthy again", 0);
  }

  /** Weights moved: schedules and tables are made anew at the next pick. */
  #reschedule(): void {
    for (const set of this.#eligibility.sets) set.version++;
  }

  #choose(request: PickRequest, now: number, evidence: Evidence): Slot {
    const sets = this.#eligibility.sets;
    if (sets.length === 0) return NO_SLOT;
    let first = 0;
    if (sets.length > 1) {
      const draw = this.#random();
      while (draw >= sets[first]!.upTo) first++;
    }
    for (let i = 0; i < sets.length; i++) {
      const slot = this.#chooseIn(sets[(first + i) % sets.length]!, request, now, evidence);
      if (slot !== NO_SLOT) return slot;
    }
    // All were tried: better one of them again than none.
    return this.#chooseIn(sets[first]!, { hash: request.hash, tried: [] }, now, evidence);
  }

  #chooseIn(set: EndpointSet, request: PickRequest, now: number, evidence: Evidence): Slot {
    let chooser = this.#choosers.get(set);
    if (chooser === undefined) {
      chooser = this.#policy.chooser(set);
      this.#choosers.set(set, chooser);
    }
    const slot = chooser.choose(request, now, evidence);
    this.#chosenBy = chooser;
    evidence.eligible = set.count;
    evidence.excluded.set(set.excluded);
    if (set.panic) evidence.reason = PICK_REASON.panic;
    else if (set.count === 1) evidence.reason = PICK_REASON.onlyEligible;
    return slot;
  }

  /** The numbers of the candidates, as they stood when the pick was made. */
  #describe(slot: Slot, now: number, evidence: Evidence): void {
    if (evidence.count === 0) {
      evidence.count = 1;
      evidence.slots[0] = slot;
      evidence.scores[0] = Number.NaN;
    }
    for (let i = 0; i < evidence.count && i < EVIDENCE_CANDIDATES; i++) {
      const candidate = evidence.slots[i]!;
      evidence.latencyMs[i] = this.#latency.recentMs[candidate]!;
      evidence.inFlight[i] = this.#inFlight.count[candidate]!;
      evidence.weights[i] = this.#weights.effective[candidate]!;
      evidence.errorRates[i] = this.#failures.seenRate(candidate, now);
    }
  }

  #learn(
    slot: Slot,
    outcome: Outcome,
    elapsed: number,
    acrossStall: boolean,
    now: number,
    retryAfterMs: number,
  ): void {
    if (outcome === OUTCOME.local) return;
    // Across a stall of our own every clock ran on while we stood still: neither latencies nor deadlines mean anything.
    if (acrossStall && (outcome === OUTCOME.timeout || outcome === OUTCOME.connectFailure)) return;
    if (outcome === OUTCOME.success) {
      const inARow = this.#failures.consecutive[slot]!;
      if (inARow > 0) this.#latency.forgive(slot);
      if (inARow > 1 || this.#states.isOut(slot)) this.#failures.forgive(slot);
      if (!acrossStall) this.#latency.onAnswer(slot, elapsed, this.#reports.queued(slot, now), now);
      this.#failures.onSuccess(slot, now);
      this.#reports.onAnswer(slot, now);
      this.#controller.onAnswer();
    } else {
      if (!acrossStall) this.#latency.onCensored(slot, elapsed, now);
      if (isFailure(outcome)) this.#failures.onFailure(slot, now, outcome !== OUTCOME.pushback);
      if (outcome === OUTCOME.pushback) {
        this.#weights.spare(slot, now, retryAfterMs);
        if (this.#weights.recompute(this.#roster, this.#states, now)) this.#reschedule();
      }
    }
    this.#detection.onEnd(slot, outcome, now);
    this.#policy.onEnd?.(slot, outcome, elapsed, now);
  }

  /** Where not all endpoints are compared, latency must act through the weights they are drawn by. */
  #capacityExponent(): number {
    return this.#roster.count > this.#scanLimit ? SAMPLED_CAPACITY_EXPONENT : 0;
  }

  #freeIfIdle(slot: Slot): void {
    if (this.#inFlight.count[slot] === 0) this.#roster.release(slot);
  }

  #report(kind: BalancerEvent["kind"], address: string, reason: string, durationMs: number): void {
    this.#onEvent?.({ kind, address, reason, durationMs });
  }
}
