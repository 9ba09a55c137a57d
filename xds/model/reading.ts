import {
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { childPath, pathSegments } from "../common/field-path.ts";
import { isMapping } from "../common/fields.ts";
import type { Problem } from "../common/problem.ts";
import { TYPE_URL_PREFIX, TYPES } from "../proto/registry.ts";
import { checkShape } from "./json-shape.ts";
import type { Decoded, Encoded, ModelContext, ResourceType } from "./resource-type.ts";
import { Scope } from "./scope.ts";

/** What is particular to one resource type; the rest of reading is the same for all. */
interface Definition<Desc extends DescMessage, T> {
  readonly schema: Desc;
  readonly short: ResourceType<T>["short"];
  readonly fullState: boolean;
  nameOf(message: MessageShape<Desc>): string;
  /** Reads on after a problem, so that all are found; what it returns counts only when there was no error. */
  read(scope: Scope, message: MessageShape<Desc>): T | undefined;
}

export function resourceType<Desc extends DescMessage, T>(definition: Definition<Desc, T>): ResourceType<T> {
  const { schema, short, fullState } = definition;

  const undecodable = (problem: Problem): Problem => ({
    ...problem,
    reason: `does not decode as ${schema.typeName}: ${problem.reason}`,
  });
  const read = (message: MessageShape<Desc>, context: ModelContext): Decoded<T> => {
    const scope = Scope.root(context);
    const value = definition.read(scope, message);
    const problems = scope.problems();
    return { name: definition.nameOf(message), value: failed(problems) ? undefined : value, problems };
  };

  return {
    typeUrl: TYPE_URL_PREFIX + schema.typeName,
    short,
    fullState,
    decode(bytes, context) {
      const message = attempt(() => fromBinary(schema, bytes, { readUnknownFields: false }));
      return message.ok
        ? read(message.value, context)
        : { name: "", value: undefined, problems: message.problems.map(undecodable) };
    },
    fromJson(json, context) {
      const message = parse(schema, json);
      if (!message.ok) return { name: "", value: undefined, problems: message.problems };
      // Whether content of an unknown type matters is for its reader to say, so the warnings of the shape are not repeated.
      const decoded = read(message.value, context);
      return { ...decoded, problems: decoded.problems.map((problem) => asWritten(problem, json)) };
    },
    encode(json): Encoded {
      const message = parse(schema, json);
      if (!message.ok) return { name: "", bytes: undefined, problems: message.problems };
      const { value, problems } = message;
      return { name: definition.nameOf(value), bytes: toBinary(schema, value), problems };
    },
  };
}

/** `problems` of what was read are warnings about its shape. */
type Outcome<M> =
  | { readonly ok: true; readonly value: M; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function parse<Desc extends DescMessage>(schema: Desc, json: JsonValue): Outcome<MessageShape<Desc>> {
  const shape = checkShape(schema, json);
  if (failed(shape.problems)) return { ok: false, problems: shape.problems };
  const message = attempt(() => fromJson(schema, shape.json, { registry: TYPES }));
  return message.ok ? { ...message, problems: shape.problems } : message;
}

function attempt<M>(run: () => M): Outcome<M> {
  try {
    return { ok: true, value: run(), problems: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ path: "", reason, severity: "error" }] };
  }
}

function failed(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** Puts the proto's field names of a path in the author's spelling, which may be lowerCamelCase. */
function asWritten(problem: Problem, json: JsonValue): Problem {
  let here: unknown = json;
  let path = "";
  for (const segment of pathSegments(problem.path)) {
    // The TypedStruct that was put round content of an unknown type is not in what the author wrote.
    if (segment === "value" && isMapping(here) && "@type" in here && !Object.hasOwn(here, "value")) continue;
    const key = typeof segment === "string" ? spelling(here, segment) : segment;
    path = childPath(path, key);
    here =
      typeof here === "object" && here !== null ? (here as Record<string | number, unknown>)[key] : undefined;
  }
  return { ...problem, path };
}

function spelling(here: unknown, name: string): string {
  if (!isMapping(here) || Object.hasOwn(here, name)) return name;
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(here, camel) ? camel : name;
}
