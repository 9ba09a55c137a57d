import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { endWith } from "./client-connection.ts";

const INSTEAD =
  "only the aggregated state-of-the-world stream is served: set api_type GRPC in ads_config, and ads as the source of each type";

const PER_TYPE = [
  ["cluster", "Cluster"],
  ["endpoint", "Endpoint"],
  ["listener", "Listener"],
  ["route", "Route"],
] as const;

/** Each method's path by a name of its own. */
const PATHS: ReadonlyMap<string, string> = new Map([
  [
    "deltaAggregatedResources",
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
  ],
  ...PER_TYPE.flatMap(([file, type]) =>
    ["Stream", "Delta"].map((variant): [string, string] => [
      `${variant}${type}s`,
      `/envoy.service.${file}.v3.${type}DiscoveryService/${variant}${type}s`,
    ]),
  ),
]);

/** The variants of xDS that other clients can be set to and that are not served. */
export const UNSERVED_VARIANTS: ServiceDefinition = Object.fromEntries(
  [...PATHS].map(([name, path]) => [
    name,
    {
      path,
      requestStream: true,
      responseStream: true,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  ]),
);

/** Clients try again every few seconds; one line a minute and method tells as much. */
const WARN_EVERY_MS = 60_000;

/** Refuses them with what to ask for instead, in both logs: the client's own words for it may be only "closed". */
export function refuseVariants(clock: Clock, logger: Logger): UntypedServiceImplementation {
  const warnedAt = new Map<string, number>();
  const refuse = (path: string, call: ServerDuplexStream<Buffer, Buffer>): void => {
    const now = clock.now();
    if (now - (warnedAt.get(path) ?? -WARN_EVERY_MS) >= WARN_EVERY_MS) {
      warnedAt.set(path, now);
      logger.warn({ peer: call.getPeer(), method: path }, `a client was refused: ${INSTEAD}`);
    }
    endWith(call, "UNIMPLEMENTED", INSTEAD);
  };
  return Object.fromEntries(
    [...PATHS].map(([name, path]) => [
      name,
      (call: ServerDuplexStream<Buffer, Buffer>) => refuse(path, call),
    ]),
  );
}
