import { Pool } from "undici";
import type { Recording } from "../../sidecar/simulate/recording.ts";
import type { Scenario } from "../../sidecar/simulate/scenario.ts";
import { Workload } from "../../sidecar/simulate/workload.ts";
import { COST_HEADER } from "./virtual-backend.ts";

/** Sends the requests of a scenario at their times, answered or not, and counts latency from the time each was due. */
export class OpenLoop {
  readonly #scenario: Scenario;
  readonly #recording: Recording;
  readonly #workload: Workload;
  readonly #pools: readonly Pool[];
  readonly #beginning: number;
  readonly #done = Promise.withResolvers<void>();
  #dueAt: number;
  #open = 0;

  /** `ports`: of the sidecars; `beginning`: of the run, on the monotonic clock. */
  constructor(
    scenario: Scenario,
    seed: number,
    ports: readonly number[],
    recording: Recording,
    beginning: number,
  ) {
    this.#scenario = scenario;
    this.#recording = recording;
    this.#workload = new Workload(scenario, seed);
    this.#pools = ports.map((port) => new Pool(`http://127.0.0.1:${port}`, { connections: null }));
    this.#beginning = beginning;
    this.#dueAt = this.#interval();
  }

  /** Resolves when the last request has its answer. */
  async run(): Promise<void> {
    this.#pump();
    await this.#done.promise;
    await Promise.all(this.#pools.map((pool) => pool.close()));
  }

  #interval(): number {
    return this.#workload.interval(this.#scenario.rates[0]!.perSecond);
  }

  #pump(): void {
    const now = performance.now() - this.#beginning;
    while (this.#dueAt <= now && this.#dueAt < this.#scenario.durationMs) {
      const dueAt = this.#dueAt;
      this.#dueAt += this.#interval();
      void this.#send(dueAt);
    }
    if (this.#dueAt < this.#scenario.durationMs) setTimeout(() => this.#pump(), this.#dueAt - now);
    else if (this.#open === 0) this.#done.resolve();
  }

  async #send(dueAt: number): Promise<void> {
    const { client, costMs } = this.#workload.request();
    this.#open++;
    let answered = false;
    try {
      const headers = { host: "backends", [COST_HEADER]: String(costMs) };
      const answer = await this.#pools[client]!.request({ method: "GET", path: "/", headers });
      await answer.body.dump();
      answered = answer.statusCode < 500;
    } catch {
      answered = false;
    }
    const latencyMs = performance.now() - this.#beginning - dueAt;
    this.#recording.onRequestEnd(dueAt, answered ? latencyMs : Number.NaN);
    this.#open--;
    if (this.#open === 0 && this.#dueAt >= this.#scenario.durationMs) this.#done.resolve();
  }
}
