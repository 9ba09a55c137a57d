import type { XdsStatus } from "../../xds/client/client-status.ts";

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
