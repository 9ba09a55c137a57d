/** The value that a part `q` (0..1) of `values` does not exceed; NaN of none. */
export function percentile(values: readonly number[], q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** For the report: three digits behind the point say more than any of these measurements knows. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
