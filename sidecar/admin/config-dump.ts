import type { XdsStatus } from "../../xds/client/client-status.ts";
import type { Configuration } from "../../xds/model/configuration.ts";
import { plainJson } from "./plain-json.ts";

/** A resource that the control plane sent and that could not be taken over. */
export interface RejectedResource {
  readonly type: string;
  readonly name: string;
  /** The version that was refused. */
  readonly version: string;
  readonly reason: string;
  /** Wall time in ms. */
  readonly at: number;
  /** The version still in use; empty: none. */
  readonly inUse: string;
}

export function rejectedResources(status: XdsStatus): RejectedResource[] {
  return status.types.flatMap(({ typeUrl, resources }) =>
    resources.flatMap(({ name, state, version, failure }) => {
      if (failure === undefined || state === "acked") return [];
      const type = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
      return [
        { type, name, version: failure.version, reason: failure.reason, at: failure.at, inUse: version },
      ];
    }),
  );
}

/** `/config_dump`: what is in force, resource by resource, and what was refused. In pieces, since it may be large. */
export function* configDump(configuration: Configuration, status: XdsStatus): Generator<string> {
  yield `{\n"generation": ${configuration.generation},\n"listeners": `;
  yield* list(configuration.listeners.values());
  yield `,\n"route_tables": `;
  yield* list(configuration.routeTables.values());
  yield `,\n"clusters": `;
  yield* list(configuration.clusters.values());
  yield `,\n"warming": ${plainJson(status.warming)}`;
  yield `,\n"rejected": `;
  yield* list(rejectedResources(status));
  yield "\n}\n";
}

function* list(items: Iterable<unknown>): Generator<string> {
  let separator = "[";
  for (const item of items) {
    yield `${separator}\n${plainJson(item)}`;
    separator = ",";
  }
  yield separator === "[" ? "[]" : "\n]";
}
