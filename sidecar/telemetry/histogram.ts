/** Bounds in seconds of OpenTelemetry's `http.client.request.duration` and `http.server.request.duration`. */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Counts durations between fixed bounds, as Prometheus and OpenTelemetry want them. */
export class DurationHistogram {
  /** One more than bounds: the last has none. Not cumulative. */
  readonly counts = new Float64Array(DURATION_BOUNDS_S.length + 1);
  sumS = 0;

  record(ms: number): void {
    const seconds = ms / 1_000;
    let i = 0;
    while (i < DURATION_BOUNDS_S.length && seconds > DURATION_BOUNDS_S[i]!) i++;
    this.counts[i]!++;
    this.sumS += seconds;
  }
}

/** Eight per doubling, so that a quantile is off by 9 % at most; from 1 us to 134 s. */
const PER_OCTAVE = 8;
export const QUANTILE_BUCKETS = 27 * PER_OCTAVE;

/** The bucket of a duration in ms. */
export function quantileBucket(ms: number): number {
  const us = ms * 1_000;
  if (!(us > 1)) return 0;
  return Math.min(QUANTILE_BUCKETS - 1, Math.ceil(Math.log2(us) * PER_OCTAVE));
}

/** The duration in ms that a part `q` (0..1) of the counted ones does not exceed; NaN when nothing was counted. */
export function quantile(buckets: ArrayLike<number>, q: number): number {
  let total = 0;
  for (let i = 0; i < buckets.length; i++) total += buckets[i]!;
  if (total === 0) return Number.NaN;
  let left = Math.max(1, Math.ceil(q * total));
  let i = 0;
  while (i < buckets.length - 1 && left > buckets[i]!) left -= buckets[i++]!;
  return 2 ** (i / PER_OCTAVE) / 1_000;
}
