import type { Clock } from "../../xds/common/clock.ts";
import type { Random } from "../../xds/common/random.ts";
import type { Hash64 } from "../../xds/common/xxhash64.ts";
import type { ClusterLoadAssignment } from "../../xds/model/endpoint.ts";
import type { BalancerOptions, ResolvedPolicy } from "./balancer-options.ts";
import type { Evidence } from "./evidence.ts";
import type { Outcome } from "./outcome.ts";

/** An endpoint's place in the load table. Stable while the endpoint stays in the cluster; reused after it left and its last request ended. */
export type Slot = number;
/** `pick` found no endpoint that may be used. */
export const NO_SLOT: Slot = -1;

/** One started attempt. Given by `onStart`, used up by `onEnd`. */
export type Ticket = number;

export interface PickRequest {
  /** From the route's hash policy; undefined: none. */
  readonly hash: Hash64 | undefined;
  /** Endpoints that earlier attempts of this request used; avoided while another is left. */
  readonly tried: readonly Slot[];
}

/** What a backend says of itself (ORCA `endpoint-load-metrics`). NaN: not reported. */
export interface LoadReport {
  /** Requests in flight at the backend, from everybody. */
  rif: number;
  cores: number;
  cpuUtilization: number;
  applicationUtilization: number;
  rps: number;
  eps: number;
  readonly named: ReadonlyMap<string, number>;
}

export const ENDPOINT_STATES = ["healthy", "suspect", "ejected", "probation", "slow_start"] as const;
export type EndpointState = (typeof ENDPOINT_STATES)[number];

/** A change that people ask about later: it is logged, counted and shown. */
export interface BalancerEvent {
  readonly kind:
    | "suspected"
    | "ejected"
    | "probation"
    | "returned"
    | "panic_entered"
    | "panic_left"
    | "weights_updated";
  /** Empty for events of the whole cluster. */
  readonly address: string;
  /** In words with the numbers that decided. */
  readonly reason: string;
  /** How long an ejection lasts at least, in ms; 0 otherwise. */
  readonly durationMs: number;
}

export interface BalancerSources {
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent?: (event: BalancerEvent) => void;
}

/** How the slow loop came to an endpoint's weight, each step in the log domain's linear equivalent. */
export interface WeightStep {
  readonly target: number;
  readonly confidence: number;
  /** After deadband and clamp. */
  readonly result: number;
  readonly limitedBy: "none" | "deadband" | "step_up" | "step_down" | "floor" | "ceiling";
}

/** One endpoint as a person reads it. Shares are of the last 10 s. */
export interface EndpointView {
  readonly slot: Slot;
  readonly address: string;
  /** Empty where it is none other than the address. */
  readonly hostname: string;
  /** `region/zone/sub zone`, without those that are empty. */
  readonly locality: string;
  readonly place: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly priority: number;
  /** What the assignment says, or `unhealthy` while active checks fail. */
  readonly health: string;
  readonly failsChecks: boolean;
  readonly state: EndpointState;
  /** Milliseconds until an ejection may end; 0 when not ejected. */
  readonly ejectedForMs: number;
  readonly staticWeight: number;
  /** What the slow loop made of it; mean 1 over the cluster. */
  readonly weight: number;
  readonly weightStep: WeightStep;
  readonly slowStartFactor: number;
  /** Smoothed latency of answers, ms; NaN before the first. */
  readonly latencyMs: number;
  /** 0..1, smoothed. */
  readonly errorRate: number;
  readonly inFlight: number;
  readonly oldestInFlightMs: number;
  /** Part of the cluster's recent picks, 0..1. */
  readonly share: number;
  readonly picks: number;
  readonly failures: number;
  readonly lastReportAgeMs: number;
}

export interface BalancerView {
  readonly policy: string;
  readonly weightsGeneration: number;
  readonly panic: boolean;
  readonly endpoints: readonly EndpointView[];
}

/**
 * Chooses an endpoint of one cluster for each attempt and learns from how attempts end. The proxy, the simulator and the
 * tests drive the same object. It does no I/O; time and chance were given at creation.
 */
export interface Balancer {
  /**
   * Takes over the endpoints of a new assignment. Those that stay (same address) keep their slot and all that was learned;
   * those that left take no new attempt, and their slot is freed when their last attempt ends.
   */
  update(assignment: ClusterLoadAssignment): void;
  /**
   * Takes over another policy or other settings. Endpoints keep their slots and all that was learned of them, ejections
   * included, and attempts under way go on; only what a policy keeps for itself (turns, places on a ring) begins anew with it.
   */
  configure(policy: ResolvedPolicy, options: BalancerOptions): void;
  /**
   * Proposes; NO_SLOT when nothing may be used. Fills `evidence`. Makes no object. Only `onStart` makes it count, and is
   * called before the next pick: until then asking again changes no count, no turn and no trial.
   */
  pick(request: PickRequest, evidence: Evidence): Slot;
  /** An attempt to `slot` begins: it counts as in flight from now on. */
  onStart(slot: Slot): Ticket;
  /** The response's head arrived: this is the moment that latency is measured to. Optional; without it `onEnd` is. */
  onResponse(ticket: Ticket): void;
  /** The attempt is over. `retryAfterMs`: how long the endpoint asked to be spared, with `pushback`; 0: it named no time. */
  onEnd(ticket: Ticket, outcome: Outcome, retryAfterMs?: number): void;
  onLoadReport(slot: Slot, report: LoadReport): void;
  /** An active health check of this address passed or failed its threshold. */
  onHealthCheck(address: string, healthy: boolean): void;
  /** Our own event loop stood still for `ms`: latency samples that span the stall are not the endpoints' fault. */
  onStall(ms: number): void;
  /** Runs what is due of the slow loop, ejection and probation. Returns the ms until it wants to be called again. */
  tick(): number;
  /** The slot's address; empty for a free slot. */
  address(slot: Slot): string;
  /** For people: allocates, never on the hot path. */
  view(): BalancerView;
}
