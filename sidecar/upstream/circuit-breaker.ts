import type { Thresholds } from "../../xds/model/cluster.ts";

/** gRPC A6 and Envoy's recommendation: a fifth of the load may be retries, and a few always may. */
const DEFAULT_RETRY_BUDGET = Object.freeze({ percent: 20, minConcurrency: 3 });

export type OpenBounds = Readonly<Record<"connections" | "pending" | "requests" | "retries", boolean>>;

/**
 * What one priority of a cluster holds at the moment, against its thresholds. The counts live as long as the cluster: new
 * thresholds apply to what is already there.
 */
export class CircuitBreaker {
  thresholds: Thresholds;
  /** Attempts under way. */
  requests = 0;
  /** Attempts that wait for a connection. */
  pending = 0;
  /** Attempts under way that are not the first of their request. */
  retries = 0;
  /** How often each bound was met. */
  readonly overflows = { requests: 0, pending: 0, connections: 0, retries: 0 };

  constructor(thresholds: Thresholds) {
    this.thresholds = thresholds;
  }

  admitsRequest(): boolean {
    if (this.requests < this.thresholds.maxRequests) return true;
    this.overflows.requests++;
    return false;
  }

  admitsPending(): boolean {
    if (this.pending < this.thresholds.maxPendingRequests) return true;
    this.overflows.pending++;
    return false;
  }

  /** The budget counts against what is under way now: load itself pays for the retries. */
  admitsRetry(): boolean {
    if (this.retries < this.#retryLimit()) return true;
    this.overflows.retries++;
    return false;
  }

  /** Which bounds are met now, with so many connections open: the next one more would be turned away. */
  open(connections: number): OpenBounds {
    const { maxConnections, maxPendingRequests, maxRequests } = this.thresholds;
    return {
      connections: connections >= maxConnections,
      pending: this.pending >= maxPendingRequests,
      requests: this.requests >= maxRequests,
      retries: this.retries >= this.#retryLimit(),
    };
  }

  #retryLimit(): number {
    const { maxRetries, retryBudget } = this.thresholds;
    if (maxRetries !== undefined && retryBudget === undefined) return maxRetries;
    const budget = retryBudget ?? DEFAULT_RETRY_BUDGET;
    return Math.max(budget.minConcurrency, (this.requests * budget.percent) / 100);
  }
}
