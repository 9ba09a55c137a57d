import type { JsonValue } from "@bufbuild/protobuf";
import type { Problem } from "../common/problem.ts";

/** How much one resource may hold. What is over a limit is refused, never cut. */
export interface ModelLimits {
  /** Endpoints of one assignment, over all localities. Default 200 000. */
  readonly endpoints: number;
  /** Routes of one table, over all virtual hosts. Default 100 000. */
  readonly routes: number;
  /** Length of one name, header, path or other text, in UTF-16 units. Default 16 384. */
  readonly textLength: number;
  /** `Any` and `TypedStruct` inside one another. Default 8. */
  readonly anyDepth: number;
  /** Length of one regular expression. Default 1 024. */
  readonly regexLength: number;
  /** Instructions of one compiled regular expression, as re2js counts them. Default 1 000. */
  readonly regexProgramSize: number;
  /** Entries of a hash ring; a larger wish is cut to this with a warning (gRFC A42). Default 4 096. */
  readonly ringSize: number;
  /** Problems told of one resource; the rest is counted. Default 100. */
  readonly problems: number;
}

export const MODEL_LIMITS: ModelLimits = Object.freeze({
  endpoints: 200_000,
  routes: 100_000,
  textLength: 16_384,
  anyDepth: 8,
  regexLength: 1_024,
  regexProgramSize: 1_000,
  ringSize: 4_096,
  problems: 100,
});

/** What this machine's operator allows a resource to say. */
export interface ModelContext {
  /** `static` is the operator's own file: it may name any file, and port 0. `xds` came over the network. */
  readonly origin: "xds" | "static";
  /** TLS to an upstream without a trusted CA: Envoy then verifies nothing; here that needs this permission. */
  readonly allowUnverifiedUpstream: boolean;
  /** Absolute directories in which files named by a control plane must lie. Empty: it may name none. */
  readonly certificateDirectories: readonly string[];
  readonly limits: ModelLimits;
}

export const XDS_CONTEXT: ModelContext = Object.freeze({
  origin: "xds",
  allowUnverifiedUpstream: false,
  certificateDirectories: Object.freeze([]),
  limits: MODEL_LIMITS,
});

export const STATIC_CONTEXT: ModelContext = Object.freeze({ ...XDS_CONTEXT, origin: "static" });

/** A resource that was read. */
export interface Decoded<T> {
  /** Empty where the resource names itself nothing, or does not decode at all. */
  readonly name: string;
  /** Undefined exactly when a problem is an error. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

/** A resource written as JSON (or YAML), turned into bytes for the wire. Only its shape was checked, not its meaning. */
export interface Encoded {
  readonly name: string;
  /** Undefined exactly when a problem is an error. */
  readonly bytes: Uint8Array | undefined;
  readonly problems: readonly Problem[];
}

/** One kind of xDS resource: how it is named on the wire, and how it becomes a part of the model. Nothing here throws. */
export interface ResourceType<T> {
  readonly typeUrl: string;
  readonly short: "lds" | "rds" | "cds" | "eds";
  /** State of the world responses hold every resource of this type, so that one which is absent was deleted. */
  readonly fullState: boolean;
  decode(bytes: Uint8Array, context: ModelContext): Decoded<T>;
  /** Reads Envoy's JSON and YAML spelling; problems carry paths as the author spelled them. */
  fromJson(json: JsonValue, context: ModelContext): Decoded<T>;
  /** For a control server: publishes what other clients understand, even where Dashpot itself would refuse it. */
  encode(json: JsonValue): Encoded;
}
