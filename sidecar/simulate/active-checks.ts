import type { Random } from "../../xds/common/random.ts";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import { HealthState } from "../upstream/health-state.ts";
import type { EventQueue } from "./event-queue.ts";
import { EVENT } from "./events.ts";
import { addressOf } from "./mesh.ts";
import type { Server } from "./server.ts";
import type { SimulatedClient } from "./simulated-client.ts";

/**
 * Active health checks: each sidecar asks each endpoint by itself, and the production thresholds judge the answers. A probe takes no
 * work, so an endpoint that is merely slow passes.
 */
export class ActiveChecks {
  readonly #check: HealthCheck;
  readonly #clients: readonly SimulatedClient[];
  readonly #servers: readonly Server[];
  readonly #queue: EventQueue;
  readonly #random: Random;
  /** By client and endpoint. */
  readonly #states: HealthState[];

  constructor(
    check: HealthCheck,
    clients: readonly SimulatedClient[],
    servers: readonly Server[],
    queue: EventQueue,
    random: Random,
  ) {
    this.#check = check;
    this.#clients = clients;
    this.#servers = servers;
    this.#queue = queue;
    this.#random = random;
    this.#states = clients.flatMap(() => servers.map(() => new HealthState(check)));
  }

  start(): void {
    for (const pair of this.#states.keys()) {
      this.#queue.add(this.#check.initialJitterMs * this.#random(), EVENT.checkBegins, pair);
    }
  }

  begins(now: number, pair: number): void {
    const server = this.#servers[pair % this.#servers.length]!;
    const hangs = server.swallows || server.speed === 0;
    const passes = !server.refuses && !(server.failingPart > 0 && this.#random() < server.failingPart);
    this.#queue.add(
      hangs ? now + this.#check.timeoutMs : now,
      EVENT.checkEnds,
      pair,
      passes && !hangs ? 1 : 0,
    );
  }

  ends(now: number, pair: number, passed: boolean): void {
    const state = this.#states[pair]!;
    if (state.take(passed ? "passed" : "failed")) {
      const client = this.#clients[Math.floor(pair / this.#servers.length)]!;
      client.policy.onHealthCheck?.(addressOf(pair % this.#servers.length), state.healthy === true);
    }
    this.#queue.add(now + state.intervalMs, EVENT.checkBegins, pair);
  }

  /** An endpoint that the control plane lists anew is not known yet. */
  forget(endpoint: number): void {
    for (let pair = endpoint; pair < this.#states.length; pair += this.#servers.length) {
      this.#states[pair] = new HealthState(this.#check);
    }
  }
}
