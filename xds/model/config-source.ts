import type { ConfigSource } from "../proto/gen/envoy/config/core/v3/config_source_pb.js";
import { durationMs } from "./scalars.ts";
import type { Scope } from "./scope.ts";

/** config_source.proto. */
const DEFAULT_INITIAL_FETCH_TIMEOUT_MS = 15_000;

/** Resources come over the one aggregated stream. Returns how long the first may take, in ms; 0: for ever. */
export function initialFetchTimeoutOf(scope: Scope, source: ConfigSource | undefined): number {
  const specifier = source?.configSourceSpecifier.case;
  if (specifier !== "ads" && specifier !== "self")
    scope.error("must be ads or self: Dashpot reads one aggregated stream");
  if (source !== undefined && source.authorities.length > 0)
    scope.at("authorities").warn("is not supported and has no effect");
  return durationMs(
    scope,
    "initial_fetch_timeout",
    source?.initialFetchTimeout,
    DEFAULT_INITIAL_FETCH_TIMEOUT_MS,
  );
}
