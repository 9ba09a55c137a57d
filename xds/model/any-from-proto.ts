import {
  type DescMessage,
  fromBinary,
  fromJson,
  isMessage,
  type JsonObject,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema as UdpaTypedStructSchema } from "../proto/gen/udpa/type/v1/typed_struct_pb.js";
import { TypedStructSchema } from "../proto/gen/xds/type/v3/typed_struct_pb.js";
import { TYPES } from "../proto/registry.ts";
import { checkShape } from "./json-shape.ts";
import type { Scope } from "./scope.ts";

/**
 * What an `Any` holds: a message of a known type, the free-form content of a TypedStruct whose type is not a known message,
 * or something unknown. `scope` is the place of the content, for the problems that its reader finds; of a struct it is the place
 * around `value`.
 */
export type Content =
  | { readonly kind: "message"; readonly type: string; readonly message: Message; readonly scope: Scope }
  | { readonly kind: "struct"; readonly type: string; readonly value: JsonObject; readonly scope: Scope }
  | { readonly kind: "unknown"; readonly type: string; readonly scope: Scope };

/** Opens an `Any`; undefined after noting a problem. A TypedStruct of a known type becomes that message (gRFC A39). */
export function openAny(outer: Scope, any: Any | undefined): Content | undefined {
  if (any === undefined || any.typeUrl === "") {
    outer.error("is required, with the type of its content");
    return undefined;
  }
  const scope = outer.insideAny();
  const { anyDepth } = scope.context.limits;
  if (scope.anyDepth > anyDepth) {
    scope.error(
      `is nested too deeply: at most ${anyDepth} typed configurations may stand inside one another`,
    );
    return undefined;
  }
  const type = typeName(any.typeUrl);
  const schema = TYPES.getMessage(type);
  if (schema === undefined) return { kind: "unknown", type, scope };
  const message = decodeContent(scope, schema, any.value);
  if (message === undefined) return undefined;
  const struct = asTypedStruct(message);
  return struct ? openStruct(scope, struct) : { kind: "message", type, message, scope };
}

/** Opens an `Any` that can only hold one type; undefined after noting a problem. */
export function openAnyAs<Desc extends DescMessage>(
  outer: Scope,
  any: Any | undefined,
  schema: Desc,
): { readonly message: MessageShape<Desc>; readonly scope: Scope } | undefined {
  const content = openAny(outer, any);
  if (content === undefined) return undefined;
  const { scope } = content;
  if (content.kind === "message" && isMessage(content.message, schema))
    return { message: content.message, scope };
  scope.error(`must hold ${schema.typeName}, not ${content.type}`);
  return undefined;
}

/** No real type has a longer name; a cut one is unknown, as the whole one would be. */
const LONGEST_TYPE_NAME = 256;

function typeName(typeUrl: string): string {
  const start = typeUrl.lastIndexOf("/") + 1;
  return typeUrl.slice(start, start + LONGEST_TYPE_NAME);
}

function decodeContent(scope: Scope, schema: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    scope.error(
      `does not decode as ${schema.typeName}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return undefined;
  }
}

interface TypedStruct {
  readonly typeUrl: string;
  readonly value?: JsonObject | undefined;
}

function asTypedStruct(message: Message): TypedStruct | undefined {
  if (isMessage(message, TypedStructSchema) || isMessage(message, UdpaTypedStructSchema)) return message;
  return undefined;
}

function openStruct(scope: Scope, struct: TypedStruct): Content | undefined {
  const type = typeName(struct.typeUrl);
  const value = struct.value ?? {};
  const schema = TYPES.getMessage(type);
  if (schema === undefined) return { kind: "struct", type, value, scope };
  const content = scope.at("value");
  const { problems, json } = checkShape(schema, value);
  for (const problem of problems) content.within(problem.path).note(problem);
  if (problems.some((problem) => problem.severity === "error")) return undefined;
  try {
    return { kind: "message", type, message: fromJson(schema, json, { registry: TYPES }), scope: content };
  } catch (error) {
    scope.error(`does not read as ${type}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
