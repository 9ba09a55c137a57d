import type { Random } from "../../xds/common/random.ts";
import type { OutlierDetection } from "../../xds/model/cluster.ts";
import type { Slot } from "./balancer.ts";
import { grownFloats, grownIntegers } from "./column.ts";
import type { Detection } from "./detection.ts";
import type { EndpointStates } from "./endpoint-states.ts";
import type { LoadTable } from "./load-table.ts";
import { OUTCOME, OUTCOME_NAMES, type Outcome } from "./outcome.ts";
import type { Roster } from "./roster.ts";

/** Where an attempt failed: at the endpoint, or before it answered. Judged apart only in split mode. */
const EXTERNAL = 0;
const LOCAL_ORIGIN = 1;

/**
 * `envoy.config.cluster.v3.OutlierDetection`, field by field (outlier.rst, gRFC A50). Differences: an ejection ends at its
 * time rather than at the next interval, the last endpoint is never ejected, and push-back counts neither way, because
 * whether it came as 429 or as 503 is not known here.
 */
export class EnvoyDetection implements Detection {
  #config: OutlierDetection;
  readonly #roster: Roster;
  readonly #states: EndpointStates;
  readonly #random: Random;
  #fiveHundreds = new Int32Array(0);
  #gateway = new Int32Array(0);
  #localOrigin = new Int32Array(0);
  /** Of the running interval, by slot: two values each, external and local origin. */
  #successes = new Float64Array(0);
  #attempts = new Float64Array(0);
  #nextInterval = Number.NaN;

  constructor(config: OutlierDetection, table: LoadTable) {
    this.#config = config;
    this.#roster = table.roster;
    this.#states = table.states;
    this.#random = table.random;
  }

  /** Other limits; what was counted stays. */
  configure(config: OutlierDetection, now: number): void {
    this.#config = config;
    this.#nextInterval = Math.min(this.#nextInterval, now + config.intervalMs);
  }

  grow(capacity: number): void {
    this.#fiveHundreds = grownIntegers(this.#fiveHundreds, capacity);
    this.#gateway = grownIntegers(this.#gateway, capacity);
    this.#localOrigin = grownIntegers(this.#localOrigin, capacity);
    this.#successes = grownFloats(this.#successes, capacity * 2);
    this.#attempts = grownFloats(this.#attempts, capacity * 2);
  }

  clear(slot: Slot): void {
    this.#fiveHundreds[slot] = 0;
    this.#gateway[slot] = 0;
    this.#localOrigin[slot] = 0;
    this.#clearInterval(slot);
  }

  onEnd(slot: Slot, outcome: Outcome, now: number): void {
    const config = this.#config;
    if (outcome >= OUTCOME.cancelled || outcome === OUTCOME.pushback) return;
    const name = OUTCOME_NAMES[outcome]!;
    const localOrigin = outcome >= OUTCOME.connectFailure;
    if (localOrigin && config.splitExternalLocalOriginErrors) {
      this.#count(slot, LOCAL_ORIGIN, false);
      const threshold = config.consecutiveLocalOriginFailure;
      if (++this.#localOrigin[slot]! < threshold) return;
      this.#localOrigin[slot] = 0;
      const reason = `${threshold} local origin failures in a row, the last ${name}`;
      this.#eject(slot, now, config.enforcingConsecutiveLocalOriginFailure, reason);
      return;
    }
    if (config.splitExternalLocalOriginErrors) {
      // An answer of any kind shows that the endpoint was reached.
      this.#localOrigin[slot] = 0;
      this.#count(slot, LOCAL_ORIGIN, true);
    }
    this.#count(slot, EXTERNAL, outcome === OUTCOME.success);
    if (outcome === OUTCOME.success) {
      this.#fiveHundreds[slot] = 0;
      this.#gateway[slot] = 0;
      return;
    }
    if (outcome === OUTCOME.serverError) this.#gateway[slot] = 0;
    else if (++this.#gateway[slot]! >= config.consecutiveGatewayFailure) {
      this.#gateway[slot] = 0;
      const reason = `${config.consecutiveGatewayFailure} gateway failures in a row, the last ${name}`;
      this.#eject(slot, now, config.enforcingConsecutiveGatewayFailure, reason);
    }
    if (++this.#fiveHundreds[slot]! >= config.consecutive5xx) {
      this.#fiveHundreds[slot] = 0;
      const reason = `${config.consecutive5xx} 5xx in a row, the last ${name}`;
      this.#eject(slot, now, config.enforcingConsecutive5xx, reason);
    }
  }

  tick(now: number): void {
    if (Number.isNaN(this.#nextInterval)) this.#nextInterval = now + this.#config.intervalMs;
    if (now < this.#nextInterval) return;
    this.#nextInterval = now + this.#config.intervalMs;
    const { members, count } = this.#roster;
    for (let i = 0; i < count; i++) {
      const slot = members[i]!;
      if (!this.#states.isOut(slot) && this.#states.ejections[slot]! > 0) this.#states.ejections[slot]!--;
    }
    this.#judge(EXTERNAL, now);
    if (this.#config.splitExternalLocalOriginErrors) this.#judge(LOCAL_ORIGIN, now);
    for (let i = 0; i < count; i++) this.#clearInterval(members[i]!);
  }

  /** Success rate and failure percentage over the interval that ends now. */
  #judge(origin: number, now: number): void {
    const config = this.#config;
    const local = origin === LOCAL_ORIGIN;
    const rated = this.#rates(origin, config.successRateRequestVolume);
    if (rated.length > 0 && rated.length >= config.successRateMinimumHosts) {
      const mean = rated.reduce((sum, [, rate]) => sum + rate, 0) / rated.length;
      const variance = rated.reduce((sum, [, rate]) => sum + (rate - mean) ** 2, 0) / rated.length;
      const threshold = mean - config.successRateStdevFactor * Math.sqrt(variance);
      const enforcing = local ? config.enforcingLocalOriginSuccessRate : config.enforcingSuccessRate;
      for (const [slot, rate] of rated) {
        if (rate >= threshold) continue;
        this.#eject(slot, now, enforcing, `success rate ${percent(rate)} is below ${percent(threshold)}`);
      }
    }
    const counted = this.#rates(origin, config.failurePercentageRequestVolume);
    if (counted.length === 0 || counted.length < config.failurePercentageMinimumHosts) return;
    const enforcing = local
      ? config.enforcingFailurePercentageLocalOrigin
      : config.enforcingFailurePercentage;
    for (const [slot, rate] of counted) {
      const failures = 100 * (1 - rate);
      if (failures < config.failurePercentageThreshold) continue;
      const reason = `${failures.toFixed(0)} % failed, the threshold is ${config.failurePercentageThreshold} %`;
      this.#eject(slot, now, enforcing, reason);
    }
  }

  #rates(origin: number, volume: number): [slot: Slot, rate: number][] {
    const rates: [Slot, number][] = [];
    for (let i = 0; i < this.#roster.count; i++) {
      const slot = this.#roster.members[i]!;
      const attempts = this.#attempts[slot * 2 + origin]!;
      if (attempts === 0 || attempts < volume || this.#states.isOut(slot)) continue;
      rates.push([slot, this.#successes[slot * 2 + origin]! / attempts]);
    }
    return rates;
  }

  #eject(slot: Slot, now: number, enforcing: number, reason: string): void {
    const { maxEjectionPercent, alwaysEjectOneHost, baseEjectionMs, maxEjectionMs, maxEjectionJitterMs } =
      this.#config;
    const states = this.#states;
    const count = this.#roster.count;
    if (states.isOut(slot) || this.#roster.endpoint(slot) === undefined || states.out + 1 >= count) return;
    if (enforcing < 100 && this.#random() * 100 >= enforcing) return;
    const withinCap = (100 * (states.out + 1)) / count <= maxEjectionPercent;
    if (!withinCap && !(alwaysEjectOneHost && states.out === 0)) return;
    const longest = Math.max(baseEjectionMs, maxEjectionMs);
    const duration = Math.min(longest, baseEjectionMs * (states.ejections[slot]! + 1));
    const jitter = maxEjectionJitterMs > 0 ? this.#random() * maxEjectionJitterMs : 0;
    states.eject(slot, now, duration + jitter, reason);
    // Envoy stops the multiplier where the longest time is reached, so that healthy intervals bring it down at once.
    if (baseEjectionMs * states.ejections[slot]! >= longest + baseEjectionMs) states.ejections[slot]!--;
  }

  #count(slot: Slot, origin: number, success: boolean): void {
    this.#attempts[slot * 2 + origin]!++;
    if (success) this.#successes[slot * 2 + origin]!++;
  }

  #clearInterval(slot: Slot): void {
    this.#attempts.fill(0, slot * 2, slot * 2 + 2);
    this.#successes.fill(0, slot * 2, slot * 2 + 2);
  }
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
