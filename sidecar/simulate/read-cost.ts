import type { Fields } from "../../xds/common/fields.ts";
import { type Cost, meanCost } from "./cost.ts";

const MEAN = { min: 0.001, max: 60_000 };
const USUAL: Cost = { kind: "exponential", meanMs: 10 };

/** `cost`: how much work a request is. */
export function readCost(fields: Fields): Cost {
  const cost = fields.mapping("cost");
  if (!cost) return USUAL;
  const kind = cost.oneOf("distribution", ["exponential", "lognormal", "bimodal", "normal"]) ?? "exponential";
  const meanMs = kind === "bimodal" ? 0 : (cost.duration("mean", MEAN) ?? 10);
  let read: Cost = { kind: "exponential", meanMs };
  if (kind === "lognormal") read = { kind, meanMs, cv: cost.number("cv", { min: 0, max: 100 }) ?? 1 };
  else if (kind === "normal")
    read = { kind, meanMs, deviationMs: cost.duration("deviation", MEAN) ?? meanMs };
  else if (kind === "bimodal") {
    const shortMs = cost.duration("short", MEAN) ?? 2;
    const longMs = cost.duration("long", MEAN) ?? 80;
    read = { kind, shortMs, longMs, longPart: cost.number("long_part", { min: 0, max: 1 }) ?? 0.1 };
  }
  cost.close();
  return meanCost(read) > 0 ? read : USUAL;
}
