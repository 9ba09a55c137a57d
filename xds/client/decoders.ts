import type { Cluster } from "../model/cluster.ts";
import { CLUSTER } from "../model/cluster-from-proto.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../model/endpoints-from-proto.ts";
import type { Listener } from "../model/listener.ts";
import { LISTENER } from "../model/listener-from-proto.ts";
import type { ModelContext, ResourceType } from "../model/resource-type.ts";
import type { RouteTable } from "../model/route-table.ts";
import { ROUTE_CONFIGURATION } from "../model/routes-from-proto.ts";
import type { ResourceDecoder } from "../protocol/client-response.ts";

/** How each of the four resource types is read. */
export interface Decoders {
  readonly listener: ResourceDecoder<Listener>;
  readonly routeTable: ResourceDecoder<RouteTable>;
  readonly cluster: ResourceDecoder<Cluster>;
  readonly assignment: ResourceDecoder<ClusterLoadAssignment>;
}

/** The model's own readers, bound to what this machine's operator allows. */
export function modelDecoders(context: ModelContext): Decoders {
  return {
    listener: bind(LISTENER, context),
    routeTable: bind(ROUTE_CONFIGURATION, context),
    cluster: bind(CLUSTER, context),
    assignment: bind(CLUSTER_LOAD_ASSIGNMENT, context),
  };
}

function bind<T>(type: ResourceType<T>, context: ModelContext): ResourceDecoder<T> {
  const { typeUrl, fullState } = type;
  return { typeUrl, fullState, decode: (bytes) => type.decode(bytes, context) };
}
