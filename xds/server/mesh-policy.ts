import type { JsonObject } from "@bufbuild/protobuf";
import { Fields, isMapping } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { type Part, withSeconds } from "./mesh-draft.ts";

const ENVOY = "type.googleapis.com/envoy.extensions.load_balancing_policies";
const TYPED_STRUCT = "type.googleapis.com/xds.type.v3.TypedStruct";

const MESSAGES = {
  adaptive: "type.googleapis.com/dashpot.v1.Adaptive",
  round_robin: `${ENVOY}.round_robin.v3.RoundRobin`,
  least_request: `${ENVOY}.least_request.v3.LeastRequest`,
  random: `${ENVOY}.random.v3.Random`,
  ring_hash: `${ENVOY}.ring_hash.v3.RingHash`,
  maglev: `${ENVOY}.maglev.v3.Maglev`,
  peak_ewma: `${ENVOY}.peak_ewma.v3alpha.PeakEwma`,
  client_side_weighted_round_robin: `${ENVOY}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
} as const;
type PolicyName = keyof typeof MESSAGES;
const NAMES = Object.keys(MESSAGES) as PolicyName[];

/** Policies that Envoy and gRPC do not have; without something behind them the whole cluster would be refused. */
const UNKNOWN_TO_OTHERS: readonly PolicyName[] = ["adaptive", "peak_ewma"];

/**
 * `policy: adaptive`, or with options `policy: { name: adaptive, scan_limit: 16 }`. Options are the fields of the policy's message.
 * Behind a policy that few clients have stand two that others know: a client takes the first it supports (gRFC A52).
 */
export function readPolicy(value: unknown, path: string, problems: Problems): Part | undefined {
  const fields = Fields.ofShort(value, "name", path, problems);
  const name = fields.required("name") ? fields.oneOf("name", NAMES) : undefined;
  if (!name) return undefined;
  const { name: _, ...options } = withSeconds(isMapping(value) ? value : {}) as JsonObject;
  const message =
    name === "adaptive"
      ? { "@type": TYPED_STRUCT, type_url: MESSAGES.adaptive, value: options }
      : { "@type": MESSAGES[name], ...options };
  const fallbacks: PolicyName[] = UNKNOWN_TO_OTHERS.includes(name) ? ["least_request", "round_robin"] : [];
  const policies = [
    { name: `dashpot.${name}`, typed_config: message },
    ...fallbacks.map((fallback) => ({
      name: `envoy.${fallback}`,
      typed_config: { "@type": MESSAGES[fallback] },
    })),
  ];
  const config = "policies[0].typed_extension_config.typed_config";
  return {
    json: { policies: policies.map((policy) => ({ typed_extension_config: policy })) },
    origins: [
      { inResource: "", inFile: fields.at("name") },
      { inResource: name === "adaptive" ? `${config}.value` : config, inFile: path, sameShape: true },
    ],
  };
}
