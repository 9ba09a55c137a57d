import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Node } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../proto/gen/envoy/service/discovery/v3/discovery_pb.js";
import { StatusSchema } from "../proto/gen/google/rpc/status_pb.js";
import type { SotwRequest, SotwResponse } from "../protocol/client-sotw.ts";

/** gRPC's INVALID_ARGUMENT, the code that Envoy puts into a NACK. */
const INVALID_ARGUMENT = 3;

/** `node` only on the first request of a stream: the server keeps it for the rest. */
export function encodeRequest(request: SotwRequest, node: Node | undefined): Uint8Array {
  const message = create(DiscoveryRequestSchema, {
    typeUrl: request.typeUrl,
    versionInfo: request.versionInfo,
    responseNonce: request.responseNonce,
    resourceNames: [...request.resourceNames],
  });
  if (node !== undefined) message.node = node;
  if (request.errorDetail !== undefined) {
    message.errorDetail = create(StatusSchema, { code: INVALID_ARGUMENT, message: request.errorDetail });
  }
  return toBinary(DiscoveryRequestSchema, message);
}

/** Undefined when the bytes are no DiscoveryResponse: then there is no nonce to answer and nothing to believe. */
export function decodeResponse(bytes: Uint8Array): SotwResponse | undefined {
  let message: DiscoveryResponse;
  try {
    message = fromBinary(DiscoveryResponseSchema, bytes);
  } catch {
    return undefined;
  }
  return {
    typeUrl: message.typeUrl,
    versionInfo: message.versionInfo,
    nonce: message.nonce,
    resources: message.resources,
    errors: message.resourceErrors.map(({ resourceName, errorDetail }) => ({
      name: resourceName?.name ?? "",
      reason: errorDetail?.message ?? "the control server reported an error without saying which",
    })),
  };
}
