import type { Slot } from "../../balancing/balancer.ts";
import { isFailure, type Outcome } from "../../balancing/outcome.ts";
import type { PolicySources } from "../simulated-policy.ts";
import { Peer } from "./peer.ts";

export interface PrequalOptions {
  /** Published: 16. */
  readonly poolSize: number;
  /** Quantile of recent loads above which a replica is hot. Published: 2^-0.25. */
  readonly hotQuantile: number;
  /** A failure drops the replica's probes; five in a row take it out, for 1 s doubling to 30 s. Not in the paper. */
  readonly avoidsErrors: boolean;
}

const PROBES_PER_QUERY = 3;
const REMOVED_PER_QUERY = 1;
const NET_ACCUMULATION = 1;
const PROBE_AGE_LIMIT_MS = 1_000;
const REMEMBERED_LOADS = 64;
const LARGEST_REUSE = 16;
const FAILURES_TO_EJECT = 5;
const LONGEST_EJECTION_MS = 30_000;

interface Probe {
  readonly slot: Slot;
  rif: number;
  readonly latencyMs: number;
  readonly at: number;
  uses: number;
}

/** Prequal (Wydrowski et al., NSDI 2024): asynchronous probes into a small pool, and the hot-cold lexicographic rule. */
export class Prequal extends Peer {
  readonly #options: PrequalOptions;
  #pool: Probe[] = [];
  readonly #loads = new Int32Array(REMEMBERED_LOADS);
  readonly #sorted = new Int32Array(REMEMBERED_LOADS);
  #loadsSeen = 0;
  #removeOldest = true;
  #inARow: number[] = [];
  #ejections: number[] = [];
  #shutUntil: number[] = [];

  constructor(sources: PolicySources, options: PrequalOptions) {
    super(sources);
    this.#options = options;
  }

  protected grow(slots: number): void {
    while (this.#inARow.length < slots) {
      this.#inARow.push(0);
      this.#ejections.push(0);
      this.#shutUntil.push(0);
    }
  }

  protected choose(candidates: readonly Slot[], now: number): Slot {
    this.#probeSome();
    this.#pool = this.#pool.filter(
      (probe) => now - probe.at < PROBE_AGE_LIMIT_MS && candidates.includes(probe.slot),
    );
    const open = this.#pool.filter((probe) => this.#shutUntil[probe.slot]! <= now);
    const chosen = open.length < 2 ? undefined : this.#hotColdLowest(open);
    if (chosen) {
      chosen.rif++;
      if (--chosen.uses <= 0) this.#pool.splice(this.#pool.indexOf(chosen), 1);
    }
    for (let i = 0; i < REMOVED_PER_QUERY; i++) this.#removeOne();
    return chosen?.slot ?? candidates[Math.floor(this.sources.random() * candidates.length)]!;
  }

  onProbe(slot: Slot, rif: number, latencyMs: number): void {
    this.#loads[this.#loadsSeen++ % REMEMBERED_LOADS] = rif;
    if (this.#pool.length >= this.#options.poolSize) this.#pool.shift();
    this.#pool.push({ slot, rif, latencyMs, at: this.sources.clock.now(), uses: this.#reuse() });
  }

  protected override onAnswer(slot: Slot, _latencyMs: number, outcome: Outcome, now: number): void {
    if (!this.#options.avoidsErrors) return;
    if (!isFailure(outcome)) {
      this.#inARow[slot] = 0;
      return;
    }
    this.#pool = this.#pool.filter((probe) => probe.slot !== slot);
    if (++this.#inARow[slot]! < FAILURES_TO_EJECT) return;
    this.#shutUntil[slot] = now + Math.min(LONGEST_EJECTION_MS, 1_000 * 2 ** this.#ejections[slot]!++);
    this.#inARow[slot] = 0;
  }

  #hotColdLowest(open: readonly Probe[]): Probe {
    const limit = this.#hotLimit();
    let coldest: Probe | undefined;
    let shortest = open[0]!;
    for (const probe of open) {
      if (probe.rif <= limit && (!coldest || probe.latencyMs < coldest.latencyMs)) coldest = probe;
      if (probe.rif < shortest.rif) shortest = probe;
    }
    return coldest ?? shortest;
  }

  #hotLimit(): number {
    const known = Math.min(REMEMBERED_LOADS, this.#loadsSeen);
    this.#sorted.set(this.#loads);
    const sorted = this.#sorted.subarray(0, known).sort();
    return sorted[Math.min(known - 1, Math.floor(this.#options.hotQuantile * known))] ?? 0;
  }

  #probeSome(): void {
    const targets = new Set<Slot>();
    const wanted = Math.min(PROBES_PER_QUERY, this.members.length);
    while (targets.size < wanted) {
      targets.add(this.members[Math.floor(this.sources.random() * this.members.length)]!);
    }
    for (const slot of targets) this.sources.probe(slot);
  }

  /** The oldest and the worst in turn; worst: most loaded of the hot, else slowest. */
  #removeOne(): void {
    if (this.#pool.length === 0) return;
    this.#removeOldest = !this.#removeOldest;
    if (!this.#removeOldest) {
      this.#pool.shift();
      return;
    }
    const limit = this.#hotLimit();
    const hot = this.#pool.filter((probe) => probe.rif > limit);
    const from = hot.length > 0 ? hot : this.#pool;
    let worst = from[0]!;
    for (const probe of from) {
      const worse = hot.length > 0 ? probe.rif > worst.rif : probe.latencyMs > worst.latencyMs;
      if (worse) worst = probe;
    }
    this.#pool.splice(this.#pool.indexOf(worst), 1);
  }

  /** How often one probe may be used: the paper's b_reuse, rounded by chance; where its formula has no value, a cap. */
  #reuse(): number {
    const kept = (1 - this.#options.poolSize / this.members.length) * PROBES_PER_QUERY - REMOVED_PER_QUERY;
    if (kept <= 0) return LARGEST_REUSE;
    const exact = Math.min(LARGEST_REUSE, Math.max(1, (1 + NET_ACCUMULATION) / kept));
    return Math.floor(exact) + (this.sources.random() < exact % 1 ? 1 : 0);
  }
}
