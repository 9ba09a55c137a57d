import type { Random } from "../../xds/common/random.ts";
import type { Slot, WeightStep } from "./balancer.ts";
import { type Columns, grownFloats, grownIntegers } from "./column.ts";
import type { EndpointWeights } from "./endpoint-weights.ts";
import type { FailureEstimates } from "./failure-estimates.ts";
import type { LatencyEstimates } from "./latency-estimates.ts";
import type { Roster } from "./roster.ts";

/** Weights move in the logarithm, so that halving and doubling are equal steps. */
const LOWEST = Math.log(0.03);
const HIGHEST = Math.log(4);
/** Part of the way to the target per step, and how far a step may go: down 40 %, up 22 %. */
const GAIN = 0.5;
const LARGEST_STEP_DOWN = 0.5;
const LARGEST_STEP_UP = 0.2;
/** A target this close is noise. */
const DEADBAND = 0.05;
/** Weight falls with the fourth power of the part that succeeds: 10 % failures more than the cluster's cost a third. */
const ERROR_EXPONENT = 4;
const LARGEST_EXCESS = 0.9;
/** Attempts at which half of a target is believed. */
const HALF_CONFIDENCE = 10;

/** Longest time between steps, ms; a shorter one does as soon as every endpoint has so many answers on average. */
const LONGEST_UPDATE_MS = 10_000;
const ANSWERS_PER_UPDATE = 20;
/** Steps come +-10 % early or late, so that a fleet of sidecars does not step together. */
const JITTER = 0.1;

const LIMITS = ["none", "deadband", "step_up", "step_down", "floor", "ceiling"] as const;
type Limit = WeightStep["limitedBy"];

/** What a policy that does not use the slow loop shows. */
const NO_STEP: WeightStep = Object.freeze({ target: 1, confidence: 0, result: 1, limitedBy: "none" });

export interface Step {
  /** Logarithm of the new weight, before the mean is set to 1 again. */
  next: number;
  limitedBy: Limit;
}

/** One damped step from `current` toward `target`, both logarithms of weights. */
export function dampedStep(current: number, target: number): Step {
  if (Math.abs(target - current) < DEADBAND) return { next: current, limitedBy: "deadband" };
  const wanted = GAIN * (target - current);
  const step = Math.min(LARGEST_STEP_UP, Math.max(-LARGEST_STEP_DOWN, wanted));
  const next = current + step;
  if (next <= LOWEST) return { next: LOWEST, limitedBy: "floor" };
  if (next >= HIGHEST) return { next: HIGHEST, limitedBy: "ceiling" };
  if (step < wanted) return { next, limitedBy: "step_up" };
  return { next, limitedBy: step > wanted ? "step_down" : "none" };
}

/** Where an endpoint's weight should go: the logarithm of capacity^exponent and success^4, believed by confidence. */
export function weightTarget(
  excessFailures: number,
  slowness: number,
  capacityExponent: number,
  confidence: number,
): number {
  const errors = ERROR_EXPONENT * Math.log(1 - Math.min(LARGEST_EXCESS, Math.max(0, excessFailures)));
  const capacity = -capacityExponent * Math.log(slowness);
  return Math.min(HIGHEST, Math.max(LOWEST, confidence * (errors + capacity)));
}

/** What weights are made from, and those that are made. */
export interface WeightSources {
  readonly roster: Roster;
  readonly weights: EndpointWeights;
  readonly failures: FailureEstimates;
  readonly latency: LatencyEstimates;
  readonly random: Random;
}

/**
 * The slow loop: every second or more it moves each endpoint's weight one damped step, from failures and, where picks do
 * not compare all endpoints, from latency. It never sees queues, so it cannot fight the fast loop that works on them.
 */
export class WeightController implements Columns {
  generation = 0;
  /** Shortest time between steps, ms. */
  updateMs = 0;
  #log = new Float64Array(0);
  #target = new Float64Array(0);
  #confidence = new Float64Array(0);
  #limit = new Int32Array(0);
  readonly #roster: Roster;
  readonly #weights: EndpointWeights;
  readonly #failures: FailureEstimates;
  readonly #latency: LatencyEstimates;
  readonly #random: Random;
  #steppedAt = Number.NaN;
  #pauseMs = 0;
  #answers = 0;

  constructor(table: WeightSources) {
    this.#roster = table.roster;
    this.#weights = table.weights;
    this.#failures = table.failures;
    this.#latency = table.latency;
    this.#random = table.random;
  }

  grow(capacity: number): void {
    this.#log = grownFloats(this.#log, capacity);
    this.#target = grownFloats(this.#target, capacity);
    this.#confidence = grownFloats(this.#confidence, capacity);
    this.#limit = grownIntegers(this.#limit, capacity);
  }

  clear(slot: Slot): void {
    this.#log[slot] = 0;
    this.#target[slot] = 0;
    this.#confidence[slot] = 0;
    this.#limit[slot] = 0;
  }

  onAnswer(): void {
    this.#answers++;
  }

  /** Steps if it is time to; true when any weight moved. */
  tick(now: number, capacityExponent: number): boolean {
    if (Number.isNaN(this.#steppedAt)) {
      this.#steppedAt = now;
      this.#pauseMs = this.updateMs * this.#random();
    }
    const passed = now - this.#steppedAt;
    if (passed < this.#pauseMs) return false;
    if (passed < LONGEST_UPDATE_MS && this.#answers < ANSWERS_PER_UPDATE * this.#roster.count) return false;
    this.#steppedAt = now;
    this.#pauseMs = this.updateMs * (1 + JITTER * (2 * this.#random() - 1));
    this.#answers = 0;
    return this.step(now, capacityExponent);
  }

  /** True when any weight moved. `capacityExponent` 0: latency is left to the fast loop. */
  step(now: number, capacityExponent: number): boolean {
    const { members, count } = this.#roster;
    let moved = false;
    for (let i = 0; i < count; i++) {
      const slot = members[i]!;
      const attempts = this.#failures.attempts(slot, now);
      const confidence = attempts / (attempts + HALF_CONFIDENCE);
      const excess = this.#failures.rate(slot, now) - this.#failures.clusterRate;
      const slowness = this.#latency.expected(slot, now) / this.#latency.clusterMs;
      const target = weightTarget(excess, slowness, capacityExponent, confidence);
      const { next, limitedBy } = dampedStep(this.#log[slot]!, target);
      moved ||= next !== this.#log[slot];
      this.#log[slot] = next;
      this.#target[slot] = target;
      this.#confidence[slot] = confidence;
      this.#limit[slot] = LIMITS.indexOf(limitedBy);
    }
    if (moved) this.#recentre();
    return moved;
  }

  explain(slot: Slot): WeightStep {
    if (!this.#weights.usesLearned) return NO_STEP;
    return {
      target: Math.exp(this.#target[slot]!),
      confidence: this.#confidence[slot]!,
      result: this.#weights.learned[slot]!,
      limitedBy: LIMITS[this.#limit[slot]!]!,
    };
  }

  /** Only ratios matter; a mean of 1 keeps the numbers readable, and from drifting. */
  #recentre(): void {
    const { members, count } = this.#roster;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.exp(this.#log[members[i]!]!);
    const mean = Math.log(sum / count);
    for (let i = 0; i < count; i++) {
      const slot = members[i]!;
      this.#weights.learned[slot] = Math.exp(this.#log[slot]! - mean);
    }
    this.generation++;
  }
}
