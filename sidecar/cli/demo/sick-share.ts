/** Picks of one moment: the running totals of the sick endpoint and of all. */
interface Sample {
  readonly atMs: number;
  readonly sick: number;
  readonly all: number;
}

const WINDOW_MS = 1_000;

/** The sick endpoint's part of the picks over time, from running totals that are sampled a few times a second. */
export class SickShare {
  readonly #samples: Sample[] = [];

  add(atMs: number, sick: number, all: number): void {
    this.#samples.push({ atMs, sick, all });
  }

  /** The part of the picks between two moments, 0..1; NaN when there were none. */
  share(fromMs: number, toMs: number): number {
    const from = this.#samples.find((sample) => sample.atMs >= fromMs);
    const to = this.#samples.findLast((sample) => sample.atMs <= toMs);
    if (!from || !to || to.all <= from.all) return Number.NaN;
    return (to.sick - from.sick) / (to.all - from.all);
  }

  /** Seconds from `sinceMs` until a second begins whose share satisfies the wish; undefined: it never did before `untilMs`. */
  secondsUntil(sinceMs: number, untilMs: number, wished: (share: number) => boolean): number | undefined {
    for (const sample of this.#samples) {
      if (sample.atMs < sinceMs) continue;
      if (sample.atMs + WINDOW_MS > untilMs) return undefined;
      if (wished(this.share(sample.atMs, sample.atMs + WINDOW_MS))) return (sample.atMs - sinceMs) / 1000;
    }
    return undefined;
  }
}
