import type { AdaptiveOptions, SlowStart } from "../../xds/model/cluster.ts";

export type AdaptiveSettings = Required<AdaptiveOptions>;

/** What the fields of `dashpot.v1.Adaptive` are where they are unset. */
const DEFAULTS: AdaptiveSettings = Object.freeze({
  scanLimit: 32,
  decayMs: 5_000,
  weightUpdateMs: 1_000,
  explorationFloor: 0.003,
  slowStart: Object.freeze({ windowMs: 5_000, aggression: 1, minWeight: 0.1 }),
});

/** How endpoints come back from an ejection of Dashpot's own detection. */
export const RETURNING: SlowStart = Object.freeze({ windowMs: 2_000, aggression: 1, minWeight: 0.2 });

export function adaptiveSettings(options: AdaptiveOptions = {}): AdaptiveSettings {
  return { ...DEFAULTS, ...options };
}
