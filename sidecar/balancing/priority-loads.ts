export interface PriorityHealth {
  /** Endpoints that count: all but draining ones, which were taken out on purpose, so that nothing is lacking without them. */
  readonly total: number;
  readonly draining: number;
  readonly healthy: number;
  /** Of the healthy ones, those that refused the last connection. */
  readonly refusing: number;
  readonly degraded: number;
}

export interface PriorityLoad {
  readonly priority: number;
  readonly degraded: boolean;
  /** Part of all picks, 0..1. */
  readonly share: number;
  /** Health is ignored in this priority: too few of it are healthy. */
  readonly panic: boolean;
}

/**
 * An endpoint that refuses connections counts for this much of one until it is ejected or answers: nearly nothing, because nobody
 * sends there while another is left, and more than nothing, so that a priority of which all refuse is still asked now and then.
 */
const REFUSING_COUNTS = 0.01;

/**
 * Shares of the priorities after Envoy's rules: a priority counts as whole while `factor` percent of its healthy part
 * reach 100; what it lacks spills to the next, healthy endpoints of all priorities before degraded ones. When all of
 * them together lack some, each takes more in proportion, and a priority below the panic threshold ignores health.
 */
export function priorityLoads(
  priorities: readonly PriorityHealth[],
  factor: number,
  panicThreshold: number,
): PriorityLoad[] {
  const available = (part: number, total: number) =>
    total === 0 ? 0 : Math.min(1, (factor / 100) * (part / total));
  const healthy = priorities.map((p) => available(p.healthy - p.refusing * (1 - REFUSING_COUNTS), p.total));
  const degraded = priorities.map((p) => available(p.degraded, p.total));
  const total = Math.min(1, add(healthy) + add(degraded));
  const sizes = priorities.map((p) => p.total + p.draining);
  const inPanic = priorities.map(
    (p, priority) =>
      sizes[priority]! > 0 &&
      panicThreshold > 0 &&
      total < 1 &&
      100 * (p.healthy + p.degraded) < panicThreshold * Math.max(1, p.total),
  );
  const hosts = add(sizes);
  if (total === 0 || sizes.every((size, i) => size === 0 || inPanic[i])) {
    // Nothing is healthy enough anywhere: by size, health ignored, unless that is switched off.
    return sizes
      .map((size, priority) => ({ priority, degraded: false, share: size / hosts, panic: true }))
      .filter((load) => load.share > 0 && inPanic[load.priority]);
  }
  const loads: PriorityLoad[] = [];
  let left = 1;
  for (const [of, isDegraded] of [
    [healthy, false],
    [degraded, true],
  ] as const) {
    for (const [priority, part] of of.entries()) {
      const share = Math.min(left, part / total);
      if (share <= 0) continue;
      left -= share;
      loads.push({ priority, degraded: isDegraded && !inPanic[priority], share, panic: inPanic[priority]! });
    }
  }
  return loads;
}

function add(parts: readonly number[]): number {
  return parts.reduce((a, b) => a + b, 0);
}
