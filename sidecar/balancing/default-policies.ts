import { PEAK_EWMA_DEFAULTS } from "../../xds/model/own-policies.ts";
import type { ResolvedPolicy } from "./balancer-options.ts";

/** The policies that may stand for a cluster that names none, with the defaults that their messages have over xDS. */
export const DEFAULT_POLICIES = {
  adaptive: { kind: "adaptive" },
  round_robin: { kind: "round_robin", slowStart: undefined },
  least_request: {
    kind: "least_request",
    choiceCount: 2,
    activeRequestBias: 1,
    fullScan: false,
    slowStart: undefined,
  },
  random: { kind: "random" },
  peak_ewma: { kind: "peak_ewma", ...PEAK_EWMA_DEFAULTS },
} as const satisfies Readonly<Record<string, ResolvedPolicy>>;
