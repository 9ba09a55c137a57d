import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { policyContract } from "./policy-contract.ts";

const policies: ResolvedPolicy[] = [
  { kind: "adaptive" },
  { kind: "round_robin", slowStart: undefined },
  { kind: "random" },
  { kind: "least_request", choiceCount: 2, activeRequestBias: 1, fullScan: false, slowStart: undefined },
  { kind: "least_request", choiceCount: 2, activeRequestBias: 1, fullScan: true, slowStart: undefined },
];

for (const policy of policies) policyContract(policy);
