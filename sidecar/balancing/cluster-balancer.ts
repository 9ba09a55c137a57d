import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../xds/common/clock.ts";
import type { OutlierDetection } from "../../xds/model/cluster.ts";
import type { ClusterLoadAssignment } from "../../xds/model/endpoint.ts";
import { NO_LOCALITY } from "../../xds/model/no-locality.ts";
import { type AdaptiveSettings, adaptiveSettings, RETURNING } from "./adaptive-settings.ts";
import type {
  Balancer,
  BalancerEvent,
  BalancerSources,
  BalancerView,
  LoadReport,
  PickRequest,
  Slot,
  Ticket,
} from "./balancer.ts";
import type { BalancerOptions, ResolvedPolicy } from "./balancer-options.ts";
import { viewOf } from "./balancer-view.ts";
import { Choice } from "./choice.ts";
import type { Detection } from "./detection.ts";
import type { EligibilityOptions } from "./eligibility.ts";
import { EnvoyDetection } from "./envoy-detection.ts";
import type { Evidence } from "./evidence.ts";
import { LoadTable } from "./load-table.ts";
import { isFailure, OUTCOME, type Outcome } from "./outcome.ts";
import { OwnDetection } from "./own-detection.ts";
import { createPolicy } from "./policies/create-policy.ts";
import type { Policy } from "./policies/policy.ts";

const PANIC_THRESHOLD = 50;
/** Slow start makes sense only beside endpoints that can carry the load meanwhile. */
const SETTLED_ENDPOINTS = 2;
const TICK_MS = 100;
const IDLE_TICK_MS = 1_000;
/** Above the scan limit latency also acts through the weights that endpoints are drawn by. */
const SAMPLED_CAPACITY_EXPONENT = 0.5;

/** One cluster's state and the order in which its parts are told of things. */
export class ClusterBalancer implements Balancer {
  readonly #clock: Clock;
  readonly #onEvent: ((event: BalancerEvent) => void) | undefined;
  readonly #table: LoadTable;
  readonly #choice: Choice;
  #configured: { readonly policy: ResolvedPolicy; readonly options: BalancerOptions };
  #settings: AdaptiveSettings;
  #detection: Detection;
  #policy: Policy;
  #dueAt = 0;
  #stalledAt = Number.NEGATIVE_INFINITY;
  #startsSinceTick = 0;
  /** Weights that moved by themselves at the last tick take their last step at this one. */
  #wasMoving = false;

  constructor(policy: ResolvedPolicy, options: BalancerOptions, sources: BalancerSources) {
    this.#clock = sources.clock;
    this.#onEvent = sources.onEvent;
    this.#configured = { policy, options };
    const table = new LoadTable(
      sources.random,
      (kind, slot, reason, durationMs) => this.#report(kind, table.roster.address(slot), reason, durationMs),
      {
        grow: (capacity) => {
          this.#detection.grow(capacity);
          this.#policy.grow?.(capacity);
        },
        clear: (slot) => {
          this.#detection.clear(slot);
          this.#policy.clear?.(slot);
        },
      },
    );
    this.#table = table;
    this.#detection = this.#createDetection(options.outlierDetection);
    this.#policy = createPolicy(policy, table);
    this.#choice = new Choice(table, this.#policy, eligibilityOptions(policy, options), (kind, reason) =>
      this.#report(kind, "", reason, 0),
    );
    this.#settings = this.#tune();
  }

  configure(policy: ResolvedPolicy, options: BalancerOptions): void {
    const last = this.#configured;
    const { roster } = this.#table;
    const now = this.#clock.now();
    this.#configured = { policy, options };
    if (!isDeepStrictEqual(policy, last.policy)) {
      const next = createPolicy(policy, this.#table);
      roster.fit({ grow: (capacity) => next.grow?.(capacity), clear: (slot) => next.clear?.(slot) });
      this.#policy = next;
      this.#choice.policy = next;
    }
    const envoy = options.outlierDetection;
    if (envoy && this.#detection instanceof EnvoyDetection) this.#detection.configure(envoy, now);
    else if (envoy !== last.options.outlierDetection) {
      this.#detection = this.#createDetection(envoy);
      roster.fit(this.#detection);
    }
    this.#settings = this.#tune();
    this.#choice.options = eligibilityOptions(policy, options);
    this.#table.weights.recompute(roster, this.#table.states, now);
    this.#choice.reschedule();
    this.#table.states.changed = true;
  }

  /** Gives the parts that stay the settings in force. */
  #tune(): AdaptiveSettings {
    const { policy, options } = this.#configured;
    const { states, latency, controller, weights } = this.#table;
    const adaptive = policy.kind === "adaptive";
    const settings = adaptiveSettings(adaptive ? policy : {});
    latency.decayMs = settings.decayMs;
    controller.updateMs = settings.weightUpdateMs;
    weights.usesLearned = adaptive;
    const own = options.outlierDetection === undefined;
    const chosen = "slowStart" in policy ? policy.slowStart : undefined;
    states.configure(
      { halfOpen: own, slowStart: own ? RETURNING : undefined },
      chosen ?? (adaptive ? settings.slowStart : undefined),
      this.#clock.now(),
    );
    return settings;
  }

  #createDetection(envoy: OutlierDetection | undefined): Detection {
    return envoy ? new EnvoyDetection(envoy, this.#table) : new OwnDetection(this.#table);
  }

  update(assignment: ClusterLoadAssignment): void {
    const { roster, states, reports, weights, failedChecks } = this.#table;
    const now = this.#clock.now();
    const settled = roster.count;
    const { changed, added } = roster.update(assignment);
    if (!changed) return;
    for (const slot of added) {
      if (settled >= SETTLED_ENDPOINTS) states.startSlowly(slot, now);
    }
    for (const slot of roster.leavers()) {
      states.forget(slot);
      reports.clear(slot);
      this.#freeIfIdle(slot);
    }
    for (const address of failedChecks) {
      if (roster.slot(address) === undefined) failedChecks.delete(address);
    }
    weights.recompute(roster, states, now);
    this.#choice.reschedule();
    states.changed = true;
  }

  pick(request: PickRequest, evidence: Evidence): Slot {
    const now = this.#clock.now();
    if (now >= this.#dueAt) this.tick();
    return this.#choice.propose(request, now, evidence);
  }

  onStart(slot: Slot): Ticket {
    const now = this.#clock.now();
    const ticket = this.#table.inFlight.start(slot, now);
    this.#table.picks.add(slot, now);
    this.#startsSinceTick++;
    this.#choice.onStart(slot, now);
    return ticket;
  }

  onResponse(ticket: Ticket): void {
    const place = this.#table.inFlight.place(ticket);
    if (place >= 0) this.#table.inFlight.answer(place, this.#clock.now());
  }

  onEnd(ticket: Ticket, outcome: Outcome, retryAfterMs = 0): void {
    const { roster, inFlight } = this.#table;
    const place = inFlight.place(ticket);
    if (place < 0) return;
    const now = this.#clock.now();
    const slot = inFlight.slotAt(place);
    const startedAt = inFlight.startedAt(place);
    const answeredAt = inFlight.answeredAt(place);
    inFlight.end(place);
    if (roster.endpoint(slot) === undefined) {
      this.#freeIfIdle(slot);
      return;
    }
    const elapsed = Math.max(0, (Number.isNaN(answeredAt) ? now : answeredAt) - startedAt);
    this.#learn(slot, outcome, elapsed, startedAt < this.#stalledAt, now, retryAfterMs);
  }

  onLoadReport(slot: Slot, report: LoadReport): void {
    if (this.#table.roster.endpoint(slot) === undefined) return;
    const now = this.#clock.now();
    this.#table.reports.take(slot, report, now);
    this.#policy.onLoadReport?.(slot, report, now);
  }

  onHealthCheck(address: string, healthy: boolean): void {
    const { roster, states, failedChecks } = this.#table;
    const slot = roster.slot(address);
    if (slot === undefined) return;
    const now = this.#clock.now();
    if (!healthy) {
      failedChecks.add(address);
      states.changed = true;
      return;
    }
    const recovered = failedChecks.delete(address);
    if (recovered) states.changed = true;
    if (states.isOut(slot)) {
      if (this.#checksUneject()) states.admit(slot, now, "an active health check passed");
    } else if (recovered) states.startSlowly(slot, now);
  }

  onStall(ms: number): void {
    if (!(ms > 0)) return;
    this.#stalledAt = this.#clock.now();
    if (this.#detection instanceof OwnDetection) this.#detection.onStall(this.#stalledAt);
  }

  tick(): number {
    const { roster, states, inFlight, weights, controller } = this.#table;
    const now = this.#clock.now();
    const wait = this.#startsSinceTick > 0 || inFlight.total > 0 || states.out > 0 ? TICK_MS : IDLE_TICK_MS;
    this.#startsSinceTick = 0;
    this.#dueAt = now + wait;
    this.#detection.tick(now);
    states.advance(roster.members, roster.count, now);
    const stepped = weights.usesLearned && controller.tick(now, this.#capacityExponent());
    if (stepped) {
      this.#report("weights_updated", "", `generation ${controller.generation}`, 0);
    }
    const policyMoved = this.#policy.tick?.(now) ?? false;
    const moving = states.moving || weights.moving(now);
    const mayChange = stepped || moving || this.#wasMoving;
    this.#wasMoving = moving;
    const changed = mayChange && weights.recompute(roster, states, now);
    if (changed || policyMoved) this.#choice.reschedule();
    return wait;
  }

  address(slot: Slot): string {
    return this.#table.roster.address(slot);
  }

  view(): BalancerView {
    this.#choice.follow();
    return viewOf(this.#clock.now(), this.#configured.policy.kind, this.#choice.panic, this.#table);
  }

  #learn(
    slot: Slot,
    outcome: Outcome,
    elapsed: number,
    acrossStall: boolean,
    now: number,
    retryAfterMs: number,
  ): void {
    const { roster, states, latency, failures, reports, weights, controller } = this.#table;
    if (outcome === OUTCOME.local) return;
    // Across a stall of our own every clock ran on while we stood still: neither latencies nor deadlines mean anything.
    if (acrossStall && (outcome === OUTCOME.timeout || outcome === OUTCOME.connectFailure)) return;
    if (outcome === OUTCOME.success) {
      const inARow = failures.consecutive[slot]!;
      if (inARow > 0) latency.forgive(slot);
      if (inARow > 1 || states.isOut(slot)) failures.forgive(slot);
      if (!acrossStall) latency.onAnswer(slot, elapsed, reports.queued(slot, now), now);
      failures.onSuccess(slot, now);
      reports.onAnswer(slot, now);
      controller.onAnswer();
    } else {
      if (!acrossStall) latency.onCensored(slot, elapsed, now);
      if (outcome === OUTCOME.pushback) {
        failures.onPushback(slot);
        if (weights.spare(slot, now, retryAfterMs) && weights.recompute(roster, states, now))
          this.#choice.reschedule();
      } else if (isFailure(outcome)) failures.onFailure(slot, now);
    }
    this.#detection.onEnd(slot, outcome, now);
    this.#policy.onEnd?.(slot, outcome, elapsed, now);
  }

  /** Where not all endpoints are compared, latency must act through the weights they are drawn by. */
  #capacityExponent(): number {
    return this.#table.roster.count > this.#settings.scanLimit ? SAMPLED_CAPACITY_EXPONENT : 0;
  }

  #freeIfIdle(slot: Slot): void {
    if (this.#table.inFlight.count[slot] === 0) this.#table.roster.release(slot);
  }

  #checksUneject(): boolean {
    return this.#configured.options.outlierDetection?.activeHealthCheckUnejects ?? true;
  }

  #report(kind: BalancerEvent["kind"], address: string, reason: string, durationMs: number): void {
    this.#onEvent?.({ kind, address, reason, durationMs });
  }
}

function eligibilityOptions(policy: ResolvedPolicy, options: BalancerOptions): EligibilityOptions {
  return {
    panicThreshold: options.panicThreshold ?? PANIC_THRESHOLD,
    locality: options.locality ?? NO_LOCALITY,
    localZone: options.localZone ?? "",
    spillsByLoad: policy.kind === "adaptive",
    byKey: policy.kind === "ring_hash" || policy.kind === "maglev",
  };
}
