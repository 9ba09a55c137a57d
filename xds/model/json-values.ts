import { type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { isMapping } from "../common/fields.ts";

/** What may stand for a value in the protobuf JSON mapping, and how that is told. */
interface Expectation {
  readonly wanted: string;
  readonly accepts: (json: JsonValue) => boolean;
}

const DURATION = /^-?\d{1,12}(\.\d{1,9})?s$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Message types that JSON writes as one value. */
export const SPECIAL_TYPES: ReadonlyMap<string, Expectation> = new Map([
  [
    "google.protobuf.Duration",
    {
      wanted: 'a duration in seconds, such as "5s" or "0.25s"',
      accepts: (json) => typeof json === "string" && DURATION.test(json),
    },
  ],
  [
    "google.protobuf.Timestamp",
    {
      wanted: 'a time such as "2026-01-31T12:00:00Z"',
      accepts: (json) => typeof json === "string" && TIMESTAMP.test(json),
    },
  ],
  ["google.protobuf.Struct", { wanted: "a mapping of keys to values", accepts: isMapping }],
  ["google.protobuf.ListValue", { wanted: "a list", accepts: (json) => Array.isArray(json) }],
  ["google.protobuf.Value", { wanted: "any value", accepts: () => true }],
]);

function integer(min: bigint, max: bigint): Expectation {
  return {
    wanted: `a whole number from ${min} to ${max}`,
    accepts(json) {
      if (
        typeof json === "number"
          ? !Number.isSafeInteger(json)
          : typeof json !== "string" || !/^-?\d{1,20}$/.test(json)
      ) {
        return false;
      }
      const value = BigInt(json as number | string);
      return value >= min && value <= max;
    },
  };
}

const INT32 = integer(-(2n ** 31n), 2n ** 31n - 1n);
const UINT32 = integer(0n, 2n ** 32n - 1n);
const INT64 = integer(-(2n ** 63n), 2n ** 63n - 1n);
const UINT64 = integer(0n, 2n ** 64n - 1n);
const NUMBER: Expectation = {
  wanted: "a number",
  accepts: (json) => typeof json === "number" && Number.isFinite(json),
};
const BOOLEAN: Expectation = { wanted: "true or false", accepts: (json) => typeof json === "boolean" };
const TEXT: Expectation = { wanted: "text", accepts: (json) => typeof json === "string" };
const BYTES: Expectation = {
  wanted: "bytes in base64",
  accepts: (json) =>
    typeof json === "string" && BASE64.test(json) && json.replace(/=+$/, "").length % 4 !== 1,
};

export const SCALARS: Readonly<Record<ScalarType, Expectation>> = {
  [ScalarType.DOUBLE]: NUMBER,
  [ScalarType.FLOAT]: NUMBER,
  [ScalarType.INT64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.INT32]: INT32,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.BOOL]: BOOLEAN,
  [ScalarType.STRING]: TEXT,
  [ScalarType.BYTES]: BYTES,
  [ScalarType.UINT32]: UINT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SINT64]: INT64,
};

/** Wrapper messages, which JSON writes as what they wrap. */
export const WRAPPED_SCALARS: ReadonlyMap<string, ScalarType> = new Map([
  ["google.protobuf.DoubleValue", ScalarType.DOUBLE],
  ["google.protobuf.FloatValue", ScalarType.FLOAT],
  ["google.protobuf.Int64Value", ScalarType.INT64],
  ["google.protobuf.UInt64Value", ScalarType.UINT64],
  ["google.protobuf.Int32Value", ScalarType.INT32],
  ["google.protobuf.UInt32Value", ScalarType.UINT32],
  ["google.protobuf.BoolValue", ScalarType.BOOL],
  ["google.protobuf.StringValue", ScalarType.STRING],
  ["google.protobuf.BytesValue", ScalarType.BYTES],
]);
