import type { Random } from "../../xds/common/random.ts";
import type { Scenario } from "./scenario.ts";

/** How long the way takes between a sidecar and an endpoint. */
export class Network {
  readonly #scenario: Scenario;
  readonly #random: Random;

  constructor(scenario: Scenario, random: Random) {
    this.#scenario = scenario;
    this.#random = random;
  }

  /** One way, between a zone and an endpoint, in ms. */
  delay(zone: string, endpoint: number): number {
    const { jitter } = this.#scenario.network;
    return this.mean(zone, endpoint) * (1 + jitter * (2 * this.#random() - 1));
  }

  mean(zone: string, endpoint: number): number {
    const { latencyMs, crossZoneMs } = this.#scenario.network;
    return latencyMs + (this.#scenario.endpoints[endpoint]!.zone === zone ? 0 : crossZoneMs);
  }
}
