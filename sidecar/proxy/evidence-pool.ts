import { Evidence } from "../balancing/evidence.ts";

/** An Evidence holds six typed arrays, dear to make: those of finished exchanges are used again. */
export class EvidencePool {
  readonly #free: Evidence[] = [];
  readonly #maxFree: number;

  /** @param maxFree how many are kept for the next peak. */
  constructor(maxFree = 1_024) {
    this.#maxFree = maxFree;
  }

  take(): Evidence {
    return this.#free.pop() ?? new Evidence();
  }

  give(evidence: Evidence): void {
    if (this.#free.length >= this.#maxFree) return;
    evidence.clear();
    this.#free.push(evidence);
  }
}
