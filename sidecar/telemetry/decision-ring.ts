import type { Decision } from "./decision.ts";

/** All parts that are set must fit. */
export interface DecisionFilter {
  readonly cluster?: string | undefined;
  /** The endpoint that was chosen. */
  readonly endpoint?: string | undefined;
  /** The attempt's outcome, or the request's. */
  readonly outcome?: string | undefined;
  /** Leave out what was kept only because it was sampled. */
  readonly notable?: boolean;
}

export function fits(decision: Decision, filter: DecisionFilter): boolean {
  const { cluster, endpoint, outcome, notable = false } = filter;
  if (notable && decision.keptBecause === "sampled") return false;
  if (cluster !== undefined && decision.cluster !== cluster) return false;
  if (endpoint !== undefined && decision.chosen !== endpoint) return false;
  return outcome === undefined || decision.outcome === outcome || decision.request.verdict === outcome;
}

export type DecisionListener = (decision: Decision) => void;

/** The newest decisions worth reading, in memory; the oldest makes room. */
export class DecisionRing {
  readonly #capacity: number;
  readonly #kept: Decision[] = [];
  readonly #followers = new Set<DecisionListener>();
  #next = 0;
  #added = 0;

  /** @param capacity decisions that are kept; 0: none. Default 1 000. */
  constructor(capacity = 1_000) {
    this.#capacity = capacity;
  }

  /** How many there were since the start, kept or not. */
  get added(): number {
    return this.#added;
  }

  /** The id of the next decision. */
  nextId(): number {
    return this.#added + 1;
  }

  add(decision: Decision): void {
    this.#added++;
    if (this.#capacity > 0) {
      this.#kept[this.#next] = decision;
      this.#next = (this.#next + 1) % this.#capacity;
    }
    for (const follow of this.#followers) follow(decision);
  }

  get(id: number): Decision | undefined {
    return this.#kept.find((decision) => decision.id === id);
  }

  /** The decisions about one request, first attempt first. */
  ofTrace(traceId: string): Decision[] {
    return this.recent({}, this.#capacity)
      .filter((decision) => decision.traceId === traceId)
      .reverse();
  }

  /** Newest first. */
  recent(filter: DecisionFilter, limit: number): Decision[] {
    const found: Decision[] = [];
    const length = this.#kept.length;
    for (let i = 1; i <= length && found.length < limit; i++) {
      const decision = this.#kept[(this.#next - i + length) % length]!;
      if (fits(decision, filter)) found.push(decision);
    }
    return found;
  }

  /** Calls `listener` for every decision to come, until the returned function is called. */
  follow(listener: DecisionListener): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }
}
