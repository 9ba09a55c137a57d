import type { HealthCheck } from "../../xds/model/cluster.ts";

/**
 * What one probe found. `fatal`: the endpoint answered that it is not well, which needs no second opinion (Envoy). `inconclusive`:
 * we could not ask, for want of descriptors or the like, or stood still ourselves when the answer was due, which says nothing about the endpoint.
 */
export type ProbeResult = "passed" | "failed" | "fatal" | "inconclusive";

/** One endpoint under one health check: counts probes until a threshold is met. The first probe decides at once. */
export class HealthState {
  /** Undefined before the first probe. */
  healthy: boolean | undefined = undefined;
  readonly #check: HealthCheck;
  #streak = 0;
  #turned = false;

  constructor(check: HealthCheck) {
    this.#check = check;
  }

  /** Takes in a probe. True: the endpoint's health has changed. */
  take(result: ProbeResult): boolean {
    this.#turned = false;
    if (result === "inconclusive") return false;
    const passed = result === "passed";
    if (this.healthy === passed) {
      this.#streak = 0;
      return false;
    }
    this.#streak++;
    const { healthyThreshold, unhealthyThreshold } = this.#check;
    const threshold =
      this.healthy === undefined || result === "fatal" ? 1 : passed ? healthyThreshold : unhealthyThreshold;
    if (this.#streak < threshold) return false;
    this.healthy = passed;
    this.#streak = 0;
    this.#turned = true;
    return true;
  }

  /** How long to wait for the next probe, in ms, without jitter. Right after a change the edge intervals hold. */
  get intervalMs(): number {
    const { intervalMs, unhealthyIntervalMs, healthyEdgeIntervalMs, unhealthyEdgeIntervalMs } = this.#check;
    if (this.healthy === false) return this.#turned ? unhealthyEdgeIntervalMs : unhealthyIntervalMs;
    return this.#turned ? healthyEdgeIntervalMs : intervalMs;
  }
}
