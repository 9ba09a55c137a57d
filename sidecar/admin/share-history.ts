import type { Cancel, Clock } from "../../xds/common/clock.ts";
import type { ClusterView } from "../upstream/upstream-cluster.ts";

const PERIOD_MS = 2_000;
/** Five minutes. */
const POINTS = 150;
/** Endpoints whose history is kept; those beyond have none. */
const MAX_ENDPOINTS = 2_000;
/** Reading all clusters may take this part of the time; large clusters are read less often. */
const LARGEST_PART = 0.005;

interface Series {
  readonly points: number[];
  seen: number;
}

/** What part of its cluster's picks each endpoint got in the last five minutes, for the inspector's small curves. */
export class ShareHistory {
  readonly #clock: Clock;
  readonly #read: () => readonly ClusterView[];
  readonly #series = new Map<string, Series>();
  #samples = 0;
  #cancel: Cancel = () => {};

  constructor(clock: Clock, read: () => readonly ClusterView[]) {
    this.#clock = clock;
    this.#read = read;
  }

  start(): void {
    const begun = this.#clock.now();
    this.sample(this.#read());
    const cost = this.#clock.now() - begun;
    this.#cancel = this.#clock.after(Math.max(PERIOD_MS, cost / LARGEST_PART), () => this.start());
  }

  stop(): void {
    this.#cancel();
  }

  sample(clusters: readonly ClusterView[]): void {
    this.#samples++;
    for (const { name, balancer } of clusters) {
      for (const { address, share } of balancer.endpoints) this.#add(`${name} ${address}`, share);
    }
    for (const [key, { seen }] of this.#series) if (seen !== this.#samples) this.#series.delete(key);
  }

  /** Oldest first; empty for an endpoint that is new. */
  of(cluster: string, address: string): readonly number[] {
    return this.#series.get(`${cluster} ${address}`)?.points ?? [];
  }

  /** How many points a full history has. */
  get length(): number {
    return POINTS;
  }

  #add(key: string, share: number): void {
    let series = this.#series.get(key);
    if (!series) {
      if (this.#series.size >= MAX_ENDPOINTS) return;
      series = { points: [], seen: 0 };
      this.#series.set(key, series);
    }
    series.seen = this.#samples;
    series.points.push(share);
    if (series.points.length > POINTS) series.points.shift();
  }
}
