import type { Fields } from "../../xds/common/fields.ts";
import type { Scenario } from "./scenario.ts";

const MOST_STEPS = 100;

/** `load` (part of the capacity) or `rate` (per second) for the whole run, or `steps` of either. */
export function readRates(fields: Fields, durationMs: number, most: number): Scenario["rates"] {
  const steps = fields.mappings("steps", MOST_STEPS).map((step) => {
    const fromMs = step.duration("at", { min: 0, max: durationMs }) ?? 0;
    const perSecond = readRate(step, most);
    step.close();
    return { fromMs, perSecond };
  });
  if (fields.has("steps") && (fields.has("load") || fields.has("rate")))
    fields.error("steps", "stands instead of load or rate, not beside them");
  if (steps.length > 0) {
    if (steps[0]!.fromMs !== 0) fields.error("steps", "must begin at 0s");
    for (let i = 1; i < steps.length; i++) {
      if (steps[i]!.fromMs <= steps[i - 1]!.fromMs) fields.error("steps", "must be in the order of time");
    }
    return steps;
  }
  return [{ fromMs: 0, perSecond: readRate(fields, most) }];
}

function readRate(fields: Fields, most: number): number {
  const load = fields.number("load", { min: 0, max: 100 });
  const rate = fields.number("rate", { min: 0, max: 1e6 });
  if (load !== undefined && rate !== undefined) fields.error("rate", "stands instead of load, not beside it");
  return rate ?? (load ?? 0.7) * most;
}
