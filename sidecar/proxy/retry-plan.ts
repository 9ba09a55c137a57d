import type { ProxyError } from "../../xds/common/errors.ts";
import type { RetryPolicy } from "../../xds/model/route-table.ts";
import type { RequestHead, ResponseHead } from "../codec/head.ts";
import type { CircuitBreaker } from "../upstream/circuit-breaker.ts";
import type { ProxyContext } from "./proxy-context.ts";
import {
  freeRetryReason,
  isIdempotent,
  policyTakes,
  rateLimitedDelayMs,
  retryWordForFailure,
  retryWordForResponse,
} from "./retry-decision.ts";

/** The retries of one request: how many are left, and why the next one is made or not. */
export class RetryPlan {
  /** In words, for the decision record; empty: there was no question of a retry. */
  decision = "";
  /** The policy would try again, but has no retry left. */
  exhausted = false;
  readonly #policy: RetryPolicy | undefined;
  readonly #method: string;
  readonly #context: ProxyContext;
  #free: number;
  #made = 0;

  constructor(policy: RetryPolicy | undefined, head: RequestHead, context: ProxyContext) {
    this.#policy = policy && policyTakes(policy, head) ? policy : undefined;
    this.#method = head.method;
    this.#context = context;
    this.#free = context.limits.freeRetries;
  }

  /** Might the body be asked for after it was sent? */
  get needsBody(): boolean {
    return this.#policy !== undefined || isIdempotent(this.#method);
  }

  repeatsFreely(error: ProxyError, reused: boolean): boolean {
    const reason = freeRetryReason(error, reused, this.#method);
    if (reason === "") return false;
    if (this.#free === 0) {
      this.decision = `not retried: ${reason}, but the free retries are used up`;
      return false;
    }
    this.#free--;
    this.decision = `retried: ${reason}`;
    return true;
  }

  wantsFailureRetried(error: ProxyError): boolean {
    return this.#policy !== undefined && this.#wanted(retryWordForFailure(this.#policy, error));
  }

  wantsResponseRetried(head: ResponseHead): boolean {
    return this.#policy !== undefined && this.#wanted(retryWordForResponse(this.#policy, head));
  }

  #wanted(word: string): boolean {
    if (word !== "") this.decision = `retried: retry_on ${word}`;
    return word !== "";
  }

  /** Takes one retry of the policy's count, if the cluster's budget agrees. */
  spend(breaker: CircuitBreaker): boolean {
    const numRetries = this.#policy?.numRetries ?? 0;
    if (this.#made >= numRetries) {
      this.exhausted = true;
      this.decision = `not retried: all ${numRetries} retries are used up`;
      return false;
    }
    if (!breaker.admitsRetry()) {
      this.decision = "not retried: the cluster's retry budget is used up";
      return false;
    }
    this.#made++;
    return true;
  }

  /** Envoy's full jitter: anything from 0 to (2^n - 1) times the base, cut at the maximum. */
  backoffMs(): number {
    const policy = this.#policy as RetryPolicy;
    const bound = Math.min((2 ** this.#made - 1) * policy.backoffBaseMs, policy.backoffMaxMs);
    return this.#context.random() * bound;
  }

  /** What the endpoint asked for, spread over half as much again so that those it sent away do not return as one. */
  delayAfterResponse(head: ResponseHead): number {
    const { clock, random } = this.#context;
    const asked = rateLimitedDelayMs(this.#policy as RetryPolicy, head, clock.wall());
    return asked > 0 ? asked * (1 + random() / 2) : this.backoffMs();
  }
}
