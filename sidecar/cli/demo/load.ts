import { Pool } from "undici";
import type { Clock } from "../../../xds/common/clock.ts";
import type { Random } from "../../../xds/common/random.ts";

export interface LoadCounts {
  sent: number;
  answered: number;
  /** No answer, or a 5xx. */
  failed: number;
  readonly latenciesMs: number[];
}

/**
 * Open-loop load: requests arrive by a Poisson process whether or not earlier ones were answered, and latency counts from
 * the intended start, so that a stall shows itself instead of silencing the generator.
 */
export class Load {
  readonly #pool: Pool;
  readonly #host: string;
  readonly #perMs: number;
  readonly #clock: Clock;
  readonly #random: Random;
  #counts: LoadCounts = emptyCounts();
  #nextAt: number;
  #running = true;
  #inFlight = 0;

  constructor(address: string, host: string, requestsPerSecond: number, clock: Clock, random: Random) {
    this.#pool = new Pool(`http://${address}`, { connections: 64, pipelining: 1 });
    this.#host = host;
    this.#perMs = requestsPerSecond / 1000;
    this.#clock = clock;
    this.#random = random;
    this.#nextAt = clock.now();
    this.#pump();
  }

  /** What was counted since the last call. */
  take(): LoadCounts {
    const counts = this.#counts;
    this.#counts = emptyCounts();
    return counts;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#pool.close();
  }

  #pump(): void {
    if (!this.#running) return;
    const now = this.#clock.now();
    while (this.#nextAt <= now) {
      this.#send(this.#nextAt);
      this.#nextAt += -Math.log(1 - this.#random()) / this.#perMs;
    }
    this.#clock.after(this.#nextAt - now, () => this.#pump());
  }

  #send(intendedAt: number): void {
    const counts = this.#counts;
    counts.sent++;
    this.#inFlight++;
    const done = (ok: boolean): void => {
      this.#inFlight--;
      if (ok) counts.answered++;
      else counts.failed++;
      counts.latenciesMs.push(this.#clock.now() - intendedAt);
    };
    this.#pool
      .request({ method: "GET", path: "/", headers: { host: this.#host } })
      .then(async (answer) => {
        await answer.body.dump();
        done(answer.statusCode < 500);
      })
      .catch(() => done(false));
  }
}

function emptyCounts(): LoadCounts {
  return { sent: 0, answered: 0, failed: 0, latenciesMs: [] };
}

/** The value below which `q` (0..1) of the samples lie; NaN without samples. */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}
