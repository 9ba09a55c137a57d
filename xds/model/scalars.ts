import type { Duration } from "@bufbuild/protobuf/wkt";
import type { FractionalPercent, Percent } from "../proto/gen/envoy/type/v3/percent_pb.js";
import { FractionalPercent_DenominatorType } from "../proto/gen/envoy/type/v3/percent_pb.js";
import type { Fraction } from "./matcher.ts";
import type { Scope } from "./scope.ts";

/** google/protobuf/duration.proto: about 10 000 years. */
const MAX_DURATION_SECONDS = 315_576_000_000n;
export const UINT32_MAX = 0xffff_ffff;
const MAX_PORT = 65_535;

/** A duration in ms with its fraction, or `fallback` when it is unset or wrong. `positive` refuses 0. */
export function durationMs<F extends number | undefined>(
  scope: Scope,
  field: string,
  duration: Duration | undefined,
  fallback: F,
  rule: "any" | "positive" = "any",
): number | F {
  if (duration === undefined) return fallback;
  const { seconds, nanos } = duration;
  if (seconds < 0n || seconds > MAX_DURATION_SECONDS || nanos < 0 || nanos > 999_999_999) {
    scope.at(field).error("must be a duration from 0s to 315576000000s with 0 to 999999999 nanoseconds");
    return fallback;
  }
  const ms = Number(seconds) * 1_000 + nanos / 1e6;
  if (rule === "positive" && ms === 0) {
    scope.at(field).error("must be longer than 0s");
    return fallback;
  }
  return ms;
}

/** A number of `min` to `max`, or `fallback` when it is unset or out of range; NaN is out of every range. */
export function inRange<F extends number | undefined>(
  scope: Scope,
  field: string,
  value: number | bigint | undefined,
  range: { readonly min: number; readonly max?: number },
  fallback: F,
): number | F {
  if (value === undefined) return fallback;
  const { min, max = UINT32_MAX } = range;
  const number = Number(value);
  if (number >= min && number <= max) return number;
  scope.at(field).error(`must be from ${min} to ${max}, not ${number}`);
  return fallback;
}

/** 1 to 65535; 0, any free port, where `zero` allows it. Undefined after noting the problem. */
export function portOf(
  scope: Scope,
  field: string,
  port: number,
  zero: "refused" | "allowed",
): number | undefined {
  const min = zero === "allowed" ? 0 : 1;
  if (port >= min && port <= MAX_PORT) return port;
  scope.at(field).error(`must be from ${min} to ${MAX_PORT}, not ${port}`);
  return undefined;
}

/** Percent, 0 to 100. */
export function percentOf<F extends number | undefined>(
  scope: Scope,
  field: string,
  percent: Percent | undefined,
  fallback: F,
): number | F {
  return percent === undefined
    ? fallback
    : inRange(scope, field, percent.value, { min: 0, max: 100 }, fallback);
}

const DENOMINATORS: ReadonlyMap<number, Fraction["denominator"]> = new Map([
  [FractionalPercent_DenominatorType.HUNDRED, 100],
  [FractionalPercent_DenominatorType.TEN_THOUSAND, 10_000],
  [FractionalPercent_DenominatorType.MILLION, 1_000_000],
]);

/** A numerator over its denominator counts as all of it (Envoy). */
export function fractionOf(scope: Scope, field: string, percent: FractionalPercent): Fraction | undefined {
  const denominator = DENOMINATORS.get(percent.denominator);
  if (denominator === undefined) {
    scope.at(field).at("denominator").error("must be HUNDRED, TEN_THOUSAND or MILLION");
    return undefined;
  }
  return { numerator: Math.min(percent.numerator, denominator), denominator };
}

/** Text that is not too long; with `required` also not empty. Always returns the text, so that reading goes on. */
export function textOf(
  scope: Scope,
  field: string | number,
  text: string,
  presence: "required" | "optional" = "optional",
): string {
  const { textLength } = scope.context.limits;
  if (text.length > textLength) {
    scope.at(field).error(`must be at most ${textLength} characters long, not ${text.length}`);
  } else if (text === "" && presence === "required") {
    scope.at(field).error("is required and must not be empty");
  }
  return text;
}

/** The word that stands for an enum's number; an unknown number is refused and read as the first word. */
export function wordOf<W extends string | number>(
  scope: Scope,
  field: string,
  value: number,
  words: readonly [W, ...(W | undefined)[]],
): W {
  const word = words[value];
  if (word !== undefined) return word;
  scope
    .at(field)
    .error(
      `has a value that is not supported (${value}); supported: ${words.filter((w) => w !== undefined).join(", ")}`,
    );
  return words[0];
}
