import type { LocalityPolicy } from "./cluster.ts";

/** Localities play no part. The other values are the defaults of zone awareness in cluster.proto. */
export const NO_LOCALITY: LocalityPolicy = Object.freeze({
  kind: "none",
  zoneRoutingEnabled: 100,
  zoneMinClusterSize: 6,
});
