import { NO_SLOT, type Slot, type Ticket } from "../balancing/balancer.ts";

/** A request of a caller, through all its tries. */
export interface SimulatedRequest {
  /** When it should have started, which in an open loop is when it did. */
  readonly startedAt: number;
  readonly costMs: number;
  tries: number;
  readonly tried: Slot[];
}

/** One try, on its way, at the server or on its way back. Reused: a run has hundreds of thousands. */
export class Attempt {
  readonly index: number;
  request: SimulatedRequest = { startedAt: 0, costMs: 0, tries: 0, tried: [] };
  client = 0;
  server = 0;
  slot: Slot = NO_SLOT;
  ticket: Ticket = -1;
  startedAt = 0;
  arrivedAt = 0;
  /** Requests in the server when this one came. */
  rifAtArrival = 0;
  /** The caller has its answer, or has given up. */
  ended = false;
  /** Events and places that still refer to it. */
  holds = 0;
  /** The load report that travels with the answer; rif below 0: none. */
  rif = -1;
  utilization = 0;
  answersPerSecond = 0;
  errorsPerSecond = 0;
  /** What the answer asks for, with a push-back; 0: nothing. */
  retryAfterMs = 0;

  constructor(index: number) {
    this.index = index;
  }
}

export class AttemptPool {
  readonly #all: Attempt[] = [];
  readonly #free: Attempt[] = [];

  claim(): Attempt {
    const free = this.#free.pop();
    if (free) return free;
    const attempt = new Attempt(this.#all.length);
    this.#all.push(attempt);
    return attempt;
  }

  at(index: number): Attempt {
    return this.#all[index]!;
  }

  release(attempt: Attempt): void {
    if (--attempt.holds === 0) this.#free.push(attempt);
  }
}
