const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h)$/;

/** Milliseconds of a duration as files and variables have it: `250ms`, `1.5s`, `5m`, `1h`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const parts = DURATION.exec(text);
  return parts === null ? undefined : Number(parts[1]) * UNIT_MS[parts[2]!]!;
}

/** The same in the largest unit that it is a whole number of. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const unit = ["h", "m", "s"].find((name) => ms % UNIT_MS[name]! === 0);
  return unit === undefined ? `${ms}ms` : `${ms / UNIT_MS[unit]!}${unit}`;
}
