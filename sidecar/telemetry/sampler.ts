/** How new traces are chosen. The names are those of `OTEL_TRACES_SAMPLER`. */
export interface SamplerOptions {
  /** Part of the traces without a decision of their caller that is recorded, 0..1. */
  readonly ratio: number;
  /** Follow the caller's decision where there is one. False: every exchange is decided by `ratio`. */
  readonly parentBased: boolean;
}

/** The first 52 of the trace id's 56 random bits: as many as a double holds exactly. */
const RANDOM_FROM = 18;
const RANDOM_DIGITS = 13;
const RANDOM_RANGE = 2 ** 52;

/**
 * Decides at the head of an exchange whether it is recorded. The ratio is applied to the random part of the trace id (OpenTelemetry,
 * consistent probability sampling: recorded when R >= (1 - ratio) * 2^56), so all sidecars on a trace's way decide alike.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  #ratio: number;
  #threshold: string;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#ratio = options.ratio;
    this.#threshold = thresholdOf(options.ratio);
  }

  /**
   * @param parent the caller's decision; undefined: there is none.
   * @param percent what the listener asks for instead of the sampler's own ratio, 0..100.
   */
  sample(traceId: string, parent: boolean | undefined, percent: number | undefined): boolean {
    if (parent !== undefined && this.#options.parentBased) return parent;
    const ratio = percent === undefined ? this.#options.ratio : percent / 100;
    if (ratio <= 0) return false;
    if (ratio >= 1) return true;
    if (ratio !== this.#ratio) {
      this.#ratio = ratio;
      this.#threshold = thresholdOf(ratio);
    }
    return reaches(traceId, this.#threshold);
  }
}

function thresholdOf(ratio: number): string {
  const least = Math.min(RANDOM_RANGE - 1, Math.round((1 - ratio) * RANDOM_RANGE));
  return least.toString(16).padStart(RANDOM_DIGITS, "0");
}

/** Digits of the same length compare like their numbers, and the first one nearly always decides. */
function reaches(traceId: string, threshold: string): boolean {
  for (let i = 0; i < RANDOM_DIGITS; i++) {
    const difference = traceId.charCodeAt(RANDOM_FROM + i) - threshold.charCodeAt(i);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
