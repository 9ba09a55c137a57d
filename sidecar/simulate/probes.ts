import type { EventQueue } from "./event-queue.ts";
import { EVENT } from "./events.ts";
import { LatencyByLoad } from "./latency-by-load.ts";
import type { Network } from "./network.ts";
import type { Server } from "./server.ts";
import type { SimulatedClient } from "./simulated-client.ts";

interface Probe {
  readonly client: number;
  readonly endpoint: number;
  rif: number;
  latencyMs: number;
}

/** Questions about an endpoint's load, as Prequal's sidecars send them: they take no work, and travel as requests do. */
export class Probes {
  /** How many were sent. */
  sent = 0;
  readonly #servers: readonly Server[];
  readonly #latencies: readonly LatencyByLoad[];
  readonly #network: Network;
  readonly #queue: EventQueue;
  readonly #probes: Probe[] = [];
  readonly #free: number[] = [];

  constructor(servers: readonly Server[], network: Network, queue: EventQueue) {
    this.#servers = servers;
    this.#latencies = servers.map(() => new LatencyByLoad());
    this.#network = network;
    this.#queue = queue;
  }

  send(now: number, client: number, zone: string, endpoint: number): void {
    this.sent++;
    const index = this.#free.pop() ?? this.#probes.length;
    this.#probes[index] = { client, endpoint, rif: 0, latencyMs: 0 };
    this.#queue.add(now + this.#network.delay(zone, endpoint), EVENT.probeReachesServer, index);
  }

  /** A process that is gone, hangs or stands still does not answer. */
  reachesServer(now: number, index: number, zoneOf: (client: number) => string): void {
    const probe = this.#probes[index]!;
    const server = this.#servers[probe.endpoint]!;
    if (server.swallows || server.refuses || server.speed === 0) {
      this.#free.push(index);
      return;
    }
    probe.rif = server.rif;
    probe.latencyMs = this.#latencies[probe.endpoint]!.median(server.rif);
    const back = this.#network.delay(zoneOf(probe.client), probe.endpoint);
    this.#queue.add(now + back, EVENT.probeReturns, index);
  }

  returns(index: number, clients: readonly SimulatedClient[]): void {
    const { client, endpoint, rif, latencyMs } = this.#probes[index]!;
    this.#free.push(index);
    clients[client]!.policy.onProbe?.(endpoint, rif, latencyMs);
  }

  /** An endpoint has answered a request: what it will say of its latency. */
  onAnswer(endpoint: number, rifAtArrival: number, latencyMs: number): void {
    this.#latencies[endpoint]!.add(rifAtArrival, latencyMs);
  }
}
