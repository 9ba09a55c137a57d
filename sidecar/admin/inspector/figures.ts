import { duration, percent } from "../../telemetry/sentence.ts";

/** Numbers as the inspector shows them. */
export { duration, percent };

/** `3 s`, `12 min`, `4 h`, `9 d`: how long ago or how long for. */
export function age(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6_000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 360_000) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function rate(perSecond: number): string {
  return perSecond >= 100 || perSecond === 0 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

export function count(value: number): string {
  if (value < 10_000) return String(value);
  if (value < 1e6) return `${(value / 1e3).toFixed(value < 1e5 ? 1 : 0)} k`;
  return `${(value / 1e6).toFixed(1)} M`;
}

/** Known milliseconds, or a dash. */
export function latency(ms: number | null): string {
  return ms === null || !Number.isFinite(ms) || ms <= 0 ? "–" : duration(ms);
}

/** `14:03:07.251` in UTC, as the traces have it. */
export function clockTime(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(11, 23);
}

/** The start of a version, long enough to tell two apart. */
export function shortVersion(version: string): string {
  if (version === "") return "–";
  return version.length > 14 ? `${version.slice(0, 12)}…` : version;
}
