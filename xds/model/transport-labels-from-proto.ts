import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import type { TransportLabels } from "./endpoint.ts";
import type { Scope } from "./scope.ts";

/** Under this name endpoints and localities say what they can speak (Cluster.transport_socket_matches). */
const NAMESPACE = "envoy.transport_socket_match";

const NO_LABELS: TransportLabels = Object.freeze(new Set<string>());
const NONE: readonly TransportLabels[] = Object.freeze([NO_LABELS]);

/** What an endpoint says, then what its locality says: matches are looked for in this order. */
export function transportLabelsOf(
  endpoint: Metadata | undefined,
  locality: Metadata | undefined,
): readonly TransportLabels[] {
  const own = endpoint?.filterMetadata[NAMESPACE];
  const around = locality?.filterMetadata[NAMESPACE];
  if (own === undefined && around === undefined) return NONE;
  const labels = own === undefined ? NO_LABELS : labelsOf(own);
  return around === undefined ? [labels] : [labels, labelsOf(around)];
}

/** What a match asks for. */
export function wantedLabelsOf(scope: Scope, match: JsonObject): TransportLabels {
  for (const [key, value] of Object.entries(match)) {
    if (!isScalar(value)) scope.at(key).error("must be text, a number or a boolean");
  }
  return labelsOf(match);
}

/** Lists and mappings are left out: no match can ask for them. */
function labelsOf(struct: JsonObject): TransportLabels {
  const labels = Object.entries(struct).filter(([, value]) => isScalar(value));
  return new Set(labels.map((label) => JSON.stringify(label)));
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
