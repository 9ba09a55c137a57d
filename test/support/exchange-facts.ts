import { Evidence, PICK_REASON } from "../../sidecar/balancing/evidence.ts";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import type { AttemptFacts, ExchangeFacts } from "../../sidecar/telemetry/facts.ts";

interface CandidateNumbers {
  readonly address: string;
  readonly latencyMs?: number;
  readonly errorRate?: number;
  readonly weight?: number;
  readonly inFlight?: number;
  readonly score?: number;
}

/** Evidence of a pick among these candidates, the chosen one first. */
export function evidenceOf(candidates: readonly CandidateNumbers[], total = candidates.length): Evidence {
  const evidence = new Evidence();
  evidence.reason = PICK_REASON.lowestScore;
  evidence.eligible = candidates.length;
  evidence.total = total;
  evidence.weightsGeneration = 7;
  evidence.count = candidates.length;
  candidates.forEach((candidate, i) => {
    evidence.slots[i] = i;
    evidence.scores[i] = candidate.score ?? i + 1;
    evidence.latencyMs[i] = candidate.latencyMs ?? 10;
    evidence.errorRates[i] = candidate.errorRate ?? 0;
    evidence.weights[i] = candidate.weight ?? 1;
    evidence.inFlight[i] = candidate.inFlight ?? 0;
  });
  return evidence;
}

export function attemptFacts(changes: Partial<AttemptFacts> = {}): AttemptFacts {
  const addresses = ["10.0.0.1:8080", "10.0.0.2:8080"];
  return {
    number: 0,
    spanId: "00f067aa0ba902b7",
    address: "10.0.0.1:8080",
    peerAddress: "10.0.0.1:8080",
    reusedConnection: true,
    startedAt: 1_000,
    connectedAt: 1_000.5,
    firstByteAt: 1_011,
    endedAt: 1_012,
    status: 200,
    outcome: OUTCOME.success,
    error: undefined,
    evidence: evidenceOf([
      { address: "10.0.0.1:8080", latencyMs: 12, weight: 1.1, inFlight: 2 },
      { address: "10.0.0.2:8080", latencyMs: 31, errorRate: 0.021, weight: 0.9, inFlight: 5 },
    ]),
    candidateAddresses: () => addresses,
    retryDecision: "",
    ...changes,
  };
}

/** An exchange that went well at the first try, with what a test wants otherwise. */
export function exchangeFacts(changes: Partial<ExchangeFacts> = {}): ExchangeFacts {
  return {
    trace: {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      parentSpanId: "",
      spanId: "a3ce929d0e0e4736",
      sampled: false,
      traceState: "",
    },
    requestId: "3d1f6a5e-0000-4000-8000-000000000001",
    listener: "outbound",
    method: "GET",
    authority: "orders:80",
    target: "/v1/orders?limit=5",
    scheme: "http",
    protocolVersion: "1.1",
    remoteAddress: "127.0.0.1:51234",
    route: "orders-all",
    routeVersion: "r1",
    cluster: "orders",
    clusterVersion: "c1",
    endpointsVersion: "e1",
    policy: "adaptive",
    startedAt: 999,
    endedAt: 1_013,
    status: 200,
    requestBytes: 0,
    responseBytes: 512,
    error: undefined,
    responseFlags: changes.error?.kind.flag ?? "",
    userAgent: "curl/8.5.0",
    attempts: [attemptFacts()],
    ...changes,
  };
}
