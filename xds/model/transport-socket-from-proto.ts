import { type DescMessage, isMessage, type MessageShape } from "@bufbuild/protobuf";
import type { TransportSocket } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import { openAny } from "./any-from-proto.ts";
import type { Scope } from "./scope.ts";

/** Plaintext, or the TLS context of the side; anything else is refused, because ignoring it would mean plaintext. */
export function tlsContextOf<Desc extends DescMessage>(
  scope: Scope,
  socket: TransportSocket | undefined,
  schema: Desc,
): { readonly context: MessageShape<Desc>; readonly scope: Scope } | undefined {
  if (socket === undefined) return undefined;
  // Envoy's oldest spelling of plaintext has a name and no configuration.
  if (socket.configType.case === undefined && socket.name === "envoy.transport_sockets.raw_buffer")
    return undefined;
  const content = openAny(scope.at("typed_config"), socket.configType.value);
  if (content === undefined) return undefined;
  if (content.kind === "message" && isMessage(content.message, RawBufferSchema)) return undefined;
  if (content.kind === "message" && isMessage(content.message, schema)) {
    return { context: content.message, scope: content.scope };
  }
  content.scope.error(
    `has the type ${content.type}; supported are ${schema.typeName} and ${RawBufferSchema.typeName}`,
  );
  return undefined;
}
