import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import type { Endpoint, TransportLabels } from "../../xds/model/endpoint.ts";
import type { UpstreamTls } from "../../xds/model/tls.ts";
import { UpstreamTlsContext } from "./upstream-tls-context.ts";

/** How the endpoints of one cluster are spoken to: each by the first match that its labels fulfil, others by the cluster's own socket. */
export class TransportSockets {
  readonly #own: UpstreamTlsContext | undefined;
  readonly #matches: readonly {
    readonly labels: TransportLabels;
    readonly tls: UpstreamTlsContext | undefined;
  }[];

  constructor({ tls, tlsMatches }: Cluster, clock: Clock, logger: Logger) {
    const create = (settings: UpstreamTls | undefined) =>
      settings && new UpstreamTlsContext(settings, clock, logger);
    this.#own = create(tls);
    this.#matches = tlsMatches.map((match) => ({ labels: match.labels, tls: create(match.tls) }));
  }

  /** Undefined: plain TCP. */
  for({ transportLabels }: Endpoint): UpstreamTlsContext | undefined {
    if (this.#matches.length === 0) return this.#own;
    for (const labels of transportLabels) {
      const match = this.#matches.find((candidate) => candidate.labels.isSubsetOf(labels));
      if (match) return match.tls;
    }
    return this.#own;
  }
}
