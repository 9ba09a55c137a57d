import { isMapping } from "../../xds/common/fields.ts";

export type FileKind = "bootstrap" | "gRPC bootstrap" | "mesh file";

/** Keys that one kind has and no other. */
const TELLING_KEYS: readonly (readonly [key: string, kind: FileKind])[] = [
  ["services", "mesh file"],
  ["resources", "mesh file"],
  ["xds_servers", "gRPC bootstrap"],
];

/** What kind of configuration a file holds, by its keys at the top; an Envoy bootstrap unless they say otherwise. */
export function fileKindOf(document: unknown): FileKind {
  if (!isMapping(document)) return "bootstrap";
  return TELLING_KEYS.find(([key]) => Object.hasOwn(document, key))?.[1] ?? "bootstrap";
}
