import type { Cluster } from "../model/cluster.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import type { Listener } from "../model/listener.ts";
import type { RouteTable } from "../model/route-table.ts";
import type { ResourceDecoder } from "../protocol/client-response.ts";

/** How each of the four resource types is read. */
export interface Decoders {
  readonly listener: ResourceDecoder<Listener>;
  readonly routeTable: ResourceDecoder<RouteTable>;
  readonly cluster: ResourceDecoder<Cluster>;
  readonly assignment: ResourceDecoder<ClusterLoadAssignment>;
}
