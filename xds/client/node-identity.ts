import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { LocalitySchema, type Node, NodeSchema } from "../proto/gen/envoy/config/core/v3/base_pb.js";

/** Who this sidecar is to the control server, and where it stands. */
export interface NodeIdentity {
  readonly id: string;
  readonly cluster: string;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly metadata: JsonObject;
}

/** The Node of the first request of each stream. `version` is Dashpot's own. */
export function nodeMessage(identity: NodeIdentity, version: string): Node {
  return create(NodeSchema, {
    id: identity.id,
    cluster: identity.cluster,
    metadata: identity.metadata,
    locality: create(LocalitySchema, { ...identity.locality }),
    userAgentName: "dashpot",
    userAgentVersionType: { case: "userAgentVersion", value: version },
  });
}

/** The same for people. */
export function nodeJson(identity: NodeIdentity, version: string): JsonObject {
  return toJson(NodeSchema, nodeMessage(identity, version), { useProtoFieldName: true }) as JsonObject;
}
