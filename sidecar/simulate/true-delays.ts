import { meanCost } from "./cost.ts";
import type { Network } from "./network.ts";
import type { Scenario } from "./scenario.ts";
import type { Server } from "./server.ts";

/** From this part of failing requests on an endpoint is left alone. */
const AVOIDS_FAILING = 0.5;

/** How long one more request would take at each endpoint in truth, requests on their way to it counted: what only the oracle knows. */
export class TrueDelays {
  readonly #servers: readonly Server[];
  readonly #network: Network;
  readonly #meanCostMs: number;
  /** Requests on their way, by endpoint. */
  readonly #inbound: Int32Array;

  constructor(scenario: Scenario, servers: readonly Server[], network: Network) {
    this.#servers = servers;
    this.#network = network;
    this.#meanCostMs = meanCost(scenario.cost);
    this.#inbound = new Int32Array(servers.length);
  }

  onSent(endpoint: number): void {
    this.#inbound[endpoint]!++;
  }

  onArrived(endpoint: number): void {
    this.#inbound[endpoint]!--;
  }

  /** For a sidecar of the zone, in ms; Infinity: it would not be answered. */
  at(zone: string, endpoint: number): number {
    const server = this.#servers[endpoint]!;
    const turnsAway = server.refuses || server.swallows || server.rif >= server.pushesBackFrom;
    if (turnsAway || server.failingPart >= AVOIDS_FAILING) return Number.POSITIVE_INFINITY;
    const queue = server.rif + this.#inbound[endpoint]! + 1;
    const service = this.#meanCostMs / server.speed;
    return service * Math.max(1, queue / server.shape.cores) + 2 * this.#network.mean(zone, endpoint);
  }
}
