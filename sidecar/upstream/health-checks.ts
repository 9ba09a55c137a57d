import { isDeepStrictEqual } from "node:util";
import type { Cancel, Clock } from "../../xds/common/clock.ts";
import type { Random } from "../../xds/common/random.ts";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import type { OpenSocket, Probe } from "./health-probe.ts";
import { createProbe } from "./health-probe.ts";
import { HealthState } from "./health-state.ts";
import { STALL_MS } from "./stall-watch.ts";

export interface HealthContext {
  /** The cluster's name. */
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly open: OpenSocket;
  /** All checks of the endpoint agree that it is well, or one says that it is not. Told when that changes. */
  onHealth(address: string, healthy: boolean): void;
}

/** Probes of one endpoint by one check, one after the other. */
class Watch {
  readonly state: HealthState;
  readonly #context: HealthContext;
  readonly #check: HealthCheck;
  readonly #probe: Probe;
  readonly #endpoint: Endpoint;
  readonly #onChange: () => void;
  #cancel: Cancel | undefined;
  #stop: AbortController | undefined;

  constructor(
    context: HealthContext,
    check: HealthCheck,
    probe: Probe,
    endpoint: Endpoint,
    onChange: () => void,
  ) {
    this.#context = context;
    this.#check = check;
    this.#probe = probe;
    this.#endpoint = endpoint;
    this.#onChange = onChange;
    this.state = new HealthState(check);
    this.#schedule(check.initialJitterMs * context.random());
  }

  close(): void {
    this.#cancel?.();
    this.#stop?.abort();
    this.#stop = undefined;
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#context.clock.after(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    const { clock } = this.#context;
    const due = clock.now() + this.#check.timeoutMs;
    let stalled = false;
    const cancel = clock.after(this.#check.timeoutMs, () => {
      // The answer may well have come, and lie unread.
      stalled = clock.now() - due > STALL_MS;
      stop.abort();
    });
    const found = await this.#probe(this.#endpoint, stop.signal);
    const result = stalled && found === "failed" ? "inconclusive" : found;
    cancel();
    // Closed meanwhile: its endpoint is not ours to judge any more.
    if (this.#stop !== stop) return;
    if (this.state.take(result)) this.#onChange();
    const { intervalJitterMs, intervalJitterPercent } = this.#check;
    const { intervalMs } = this.state;
    const jitter = intervalJitterMs + (intervalMs * intervalJitterPercent) / 100;
    this.#schedule(intervalMs + jitter * this.#context.random());
  }
}

interface Watched {
  readonly endpoint: Endpoint;
  readonly watches: readonly Watch[];
  /** What was told last. */
  readonly verdict: { healthy: boolean | undefined };
}

/** What a probe goes by. */
function probed({ hostname, healthCheckPort, transportLabels }: Endpoint): readonly unknown[] {
  return [hostname, healthCheckPort, transportLabels];
}

/** Active health checks of one cluster. An endpoint is well while every check of it is. */
export class HealthChecks {
  readonly #context: HealthContext;
  readonly #checks: readonly { readonly check: HealthCheck; readonly probe: Probe }[];
  readonly #watched = new Map<string, Watched>();

  constructor(context: HealthContext, checks: readonly HealthCheck[]) {
    this.#context = context;
    this.#checks = checks.map((check) => ({
      check,
      probe: createProbe(check.check, context.cluster, context.open),
    }));
  }

  /** Endpoints that stay keep their state. */
  update(endpoints: ReadonlyMap<string, Endpoint>): void {
    if (this.#checks.length === 0) return;
    for (const [address, { watches, endpoint }] of this.#watched) {
      const next = endpoints.get(address);
      if (next && isDeepStrictEqual(probed(next), probed(endpoint))) continue;
      for (const watch of watches) watch.close();
      this.#watched.delete(address);
    }
    for (const [address, endpoint] of endpoints) {
      if (!this.#watched.has(address)) this.#watch(address, endpoint);
    }
  }

  /** The checks were taken back: what they found against an endpoint holds no longer, and nobody else would say so. */
  withdraw(): void {
    for (const [address, { verdict }] of this.#watched) {
      if (verdict.healthy === false) this.#context.onHealth(address, true);
    }
    this.close();
  }

  close(): void {
    for (const { watches } of this.#watched.values()) for (const watch of watches) watch.close();
    this.#watched.clear();
  }

  #watch(address: string, endpoint: Endpoint): void {
    const verdict: Watched["verdict"] = { healthy: undefined };
    const watches: Watch[] = [];
    const onChange = (): void => {
      const healthy = watches.every(({ state }) => state.healthy !== false);
      if (healthy === verdict.healthy) return;
      verdict.healthy = healthy;
      this.#context.onHealth(address, healthy);
    };
    for (const { check, probe } of this.#checks) {
      watches.push(new Watch(this.#context, check, probe, endpoint, onChange));
    }
    this.#watched.set(address, { endpoint, watches, verdict });
  }
}
