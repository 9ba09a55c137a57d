import { NO_SLOT, type Slot } from "../balancing/balancer.ts";
import { Evidence } from "../balancing/evidence.ts";
import { OUTCOME, type Outcome } from "../balancing/outcome.ts";
import { CircuitBreaker } from "../upstream/circuit-breaker.ts";
import type { Attempt, SimulatedRequest } from "./attempt.ts";
import type { Retry } from "./scenario.ts";
import type { SimulatedPolicy, SimulatedReport } from "./simulated-policy.ts";

const UNBOUNDED = Number.MAX_SAFE_INTEGER;
/** Retries that may always be under way, however few requests are: the default of `circuit_breakers`. */
export const MIN_RETRIES = 3;
/** Outcomes that come with the head of a response. */
const ANSWERS: ReadonlySet<Outcome> = new Set([OUTCOME.success, OUTCOME.serverError, OUTCOME.pushback]);
const NO_NAMED = new Map<string, number>();

/** One sidecar: its policy, its circuit breaker, and its word for every endpoint. */
export class SimulatedClient {
  readonly policy: SimulatedPolicy;
  readonly zone: string;
  readonly #retry: Retry | undefined;
  readonly #breaker: CircuitBreaker;
  readonly #endpoints: ReadonlyMap<string, number>;
  readonly #evidence = new Evidence();
  readonly #pick: { hash: undefined; tried: readonly Slot[] } = { hash: undefined, tried: [] };
  readonly #report: SimulatedReport = {
    rif: 0,
    cores: 0,
    cpuUtilization: Number.NaN,
    applicationUtilization: 0,
    rps: 0,
    eps: 0,
    serviceMs: 0,
    named: NO_NAMED,
  };

  /** `endpoints`: index by address. */
  constructor(
    policy: SimulatedPolicy,
    zone: string,
    retry: Retry | undefined,
    endpoints: ReadonlyMap<string, number>,
  ) {
    this.policy = policy;
    this.zone = zone;
    this.#retry = retry;
    this.#endpoints = endpoints;
    this.#breaker = new CircuitBreaker({
      maxConnections: UNBOUNDED,
      maxPendingRequests: UNBOUNDED,
      maxRequests: UNBOUNDED,
      maxRetries: undefined,
      retryBudget: { percent: retry?.budgetPercent ?? 0, minConcurrency: MIN_RETRIES },
    });
  }

  /** False when the policy has nobody to send to. */
  begin(attempt: Attempt, request: SimulatedRequest): boolean {
    this.#pick.tried = request.tried;
    const slot = this.policy.pick(this.#pick, this.#evidence);
    if (slot === NO_SLOT) return false;
    attempt.request = request;
    attempt.slot = slot;
    attempt.server = this.endpoint(slot);
    attempt.ticket = this.policy.onStart(slot);
    this.#breaker.requests++;
    if (request.tries++ > 0) this.#breaker.retries++;
    return true;
  }

  end(attempt: Attempt, outcome: Outcome, cores: number, serviceMs: number): void {
    const { policy } = this;
    const answered = ANSWERS.has(outcome);
    if (answered) policy.onResponse(attempt.ticket);
    if (attempt.rif >= 0) {
      const report = this.#report;
      report.rif = attempt.rif;
      report.cores = cores;
      report.applicationUtilization = attempt.utilization;
      report.rps = attempt.answersPerSecond;
      report.eps = attempt.errorsPerSecond;
      report.serviceMs = serviceMs;
      policy.onLoadReport(attempt.slot, report);
    }
    policy.onEnd(attempt.ticket, outcome, attempt.retryAfterMs);
    this.#breaker.requests--;
    if (attempt.request.tries > 1) this.#breaker.retries--;
  }

  /** A refused try is repeated free of charge: nothing was sent. Others draw on the budget. */
  retries(request: SimulatedRequest, slot: Slot, outcome: Outcome, now: number): boolean {
    const retry = this.#retry;
    if (!retry || request.tries >= retry.tries || now >= request.startedAt + retry.deadlineMs) return false;
    if (outcome !== OUTCOME.connectFailure && !this.#breaker.admitsRetry()) return false;
    request.tried.push(slot);
    return true;
  }

  endpoint(slot: Slot): number {
    return this.#endpoints.get(this.policy.address(slot))!;
  }
}
