import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { policyContract } from "./policy-contract.ts";

const policies: ResolvedPolicy[] = [
  { kind: "adaptive" },
  { kind: "round_robin", slowStart: undefined },
  { kind: "random" },
  { kind: "least_request", choiceCount: 2, activeRequestBias: 1, fullScan: false, slowStart: undefined },
  { kind: "least_request", choiceCount: 2, activeRequestBias: 1, fullScan: true, slowStart: undefined },
  { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 30, choiceCount: 2 },
  {
    kind: "ring_hash",
    minimumSize: 1024,
    maximumSize: 8_388_608,
    useHostname: false,
    balanceFactor: undefined,
  },
  { kind: "ring_hash", minimumSize: 1024, maximumSize: 8_388_608, useHostname: false, balanceFactor: 125 },
  { kind: "maglev", tableSize: 65_537, useHostname: false, balanceFactor: undefined },
  {
    kind: "client_side_weighted_round_robin",
    blackoutMs: 10_000,
    weightExpirationMs: 180_000,
    weightUpdateMs: 1_000,
    errorUtilizationPenalty: 1,
    metricNames: [],
  },
];

for (const policy of policies) policyContract(policy);
