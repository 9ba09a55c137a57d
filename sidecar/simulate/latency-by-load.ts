/** Latest latencies kept per load. */
const KEPT = 16;
/** Loads above this count as this. */
const LARGEST_LOAD = 511;

/** What a server answers Prequal's probes with: the median of its recent latencies at about the load it has now. */
export class LatencyByLoad {
  readonly #rings = new Map<number, number[]>();
  readonly #ends = new Map<number, number>();

  add(rifAtArrival: number, latencyMs: number): void {
    const load = Math.min(LARGEST_LOAD, rifAtArrival);
    const ring = this.#rings.get(load);
    if (!ring) {
      this.#rings.set(load, [latencyMs]);
      return;
    }
    const end = this.#ends.get(load) ?? ring.length;
    ring[end % KEPT] = latencyMs;
    this.#ends.set(load, (end % KEPT) + 1);
  }

  /** At the nearest load that has been seen; 0 before the first answer. */
  median(rif: number): number {
    const load = Math.min(LARGEST_LOAD, rif);
    for (let distance = 0; distance <= LARGEST_LOAD; distance++) {
      const ring = this.#rings.get(load - distance) ?? this.#rings.get(load + distance);
      if (ring) return Float64Array.from(ring).sort()[ring.length >> 1]!;
    }
    return 0;
  }
}
