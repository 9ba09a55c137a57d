import type { ResolvedPolicy } from "../balancing/index.ts";

/** The policies that may stand for a cluster that names none, with the defaults of Envoy's own messages. */
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
  peak_ewma: { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 30, choiceCount: 2 },
} as const satisfies Readonly<Record<string, ResolvedPolicy>>;
