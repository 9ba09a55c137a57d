import type { ClusterConfiguration } from "../../xds/model/configuration.ts";
import type { ClusterConnections, UpstreamContext } from "./upstream-cluster.ts";
import { UpstreamCluster } from "./upstream-cluster.ts";

/** The clusters in use, by name. */
export class ClusterSet implements ClusterConnections {
  readonly #context: UpstreamContext;
  readonly #clusters = new Map<string, UpstreamCluster>();
  #applied: ReadonlyMap<string, ClusterConfiguration> = new Map();

  constructor(context: UpstreamContext) {
    this.#context = context;
  }

  get(name: string): UpstreamCluster | undefined {
    return this.#clusters.get(name);
  }

  [Symbol.iterator](): IterableIterator<UpstreamCluster> {
    return this.#clusters.values();
  }

  get connections(): number {
    let connections = 0;
    for (const { counts } of this.#clusters.values()) connections += counts.active;
    return connections;
  }

  /** Takes over what is new or changed, by identity; what is gone stays until `prune`. */
  apply(clusters: ReadonlyMap<string, ClusterConfiguration>): void {
    for (const [name, next] of clusters) {
      const last = this.#applied.get(name);
      const cluster = this.#clusters.get(name);
      if (!cluster) this.#clusters.set(name, new UpstreamCluster(this.#context, this, next));
      else if (last?.cluster !== next.cluster || last.assignment !== next.assignment) cluster.apply(next);
    }
    this.#applied = clusters;
  }

  /** Removes what the configuration last applied does not name any more. */
  prune(): void {
    for (const [name, cluster] of this.#clusters) {
      if (this.#applied.has(name)) continue;
      this.#clusters.delete(name);
      cluster.close();
    }
  }

  /** Resolves when all clusters know their endpoints as far as they can. */
  async warm(): Promise<void> {
    await Promise.all(Array.from(this.#clusters.values(), (cluster) => cluster.warm));
  }

  onStall(ms: number): void {
    for (const cluster of this.#clusters.values()) cluster.onStall(ms);
  }

  close(): void {
    this.apply(new Map());
    this.prune();
  }
}
