import assert from "node:assert/strict";
import { test } from "node:test";
import { EXCLUSION_NAMES, PICK_REASON } from "../../sidecar/balancing/evidence.ts";
import { duration, percent, pickSentence } from "../../sidecar/telemetry/sentence.ts";
import { evidenceOf } from "../support/exchange-facts.ts";

const A = { address: "10.0.0.1:80", latencyMs: 12, weight: 1.1, inFlight: 2 };
const B = { address: "10.0.0.2:80", latencyMs: 31, errorRate: 0.02, weight: 0.9, inFlight: 0 };

function sentence(
  candidates: readonly (typeof A)[],
  changes: { reason?: number; total?: number; excluded?: Record<string, number> } = {},
): string {
  const evidence = evidenceOf(candidates, changes.total ?? candidates.length);
  evidence.reason = (changes.reason ?? PICK_REASON.lowestScore) as typeof evidence.reason;
  for (const [cause, count] of Object.entries(changes.excluded ?? {})) {
    evidence.excluded[(EXCLUSION_NAMES as readonly string[]).indexOf(cause)] = count;
  }
  const addresses = candidates.map(({ address }) => address);
  return pickSentence(
    { evidence, address: addresses[0] ?? "", candidateAddresses: () => addresses },
    "orders",
  );
}

const FIGURES_A = "10.0.0.1:80 (12 ms, 0 % errors, weight 1.10, 2 in flight)";
const FIGURES_B = "10.0.0.2:80 (31 ms, 2.0 % errors, weight 0.90, 0 in flight)";

test("the sentence names the chosen one, what it was compared with, and the numbers", () => {
  assert.equal(sentence([A, B]), `chose ${FIGURES_A} over ${FIGURES_B}`);
});

test("the sentence says how many were left out, and why", () => {
  const excluded = { ejected: 1, draining: 2 };
  assert.equal(
    sentence([A, B], { total: 5, excluded }),
    `chose ${FIGURES_A} over ${FIGURES_B}; 1 of 5 ejected, 2 draining`,
  );
});

test("each reason has its own words", () => {
  const words: readonly (readonly [reason: number, text: RegExp])[] = [
    [PICK_REASON.onlyEligible, /^chose 10.0.0.1:80 \(.*\), the only one that could be used$/],
    [PICK_REASON.rotation, /^took 10.0.0.1:80 \(.*\) in its turn$/],
    [PICK_REASON.random, /^drew 10.0.0.1:80 \(.*\)$/],
    [PICK_REASON.hash, /^kept to 10.0.0.1:80 \(.*\) by the request's hash$/],
    [PICK_REASON.probation, /^gave 10.0.0.1:80 \(.*\) its one trial request$/],
    [
      PICK_REASON.exploration,
      /^tried 10.0.0.1:80 \(.*\), which had gone untried too long, instead of 10.0.0.2/,
    ],
    [PICK_REASON.panic, /^chose 10.0.0.1:80 \(.*\) from all, because too few are healthy, over 10.0.0.2/],
  ];
  for (const [reason, text] of words) assert.match(sentence([A, B], { reason }), text);
});

test("a pick that found nothing says what every endpoint was excluded for", () => {
  assert.equal(
    sentence([], { total: 3, excluded: { ejected: 2, unhealthy: 1 } }),
    "no endpoint of orders could be used: 2 of 3 ejected, 1 unhealthy",
  );
  assert.equal(sentence([]), "no endpoint of orders could be used: it has none");
});

test("an endpoint that was never measured says so", () => {
  assert.match(sentence([{ ...A, latencyMs: Number.NaN }]), /\(not measured yet, 0 % errors/);
});

test("durations and parts have two to three digits", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0.0004, "1 us"],
    [0.85, "850 us"],
    [1.26, "1.3 ms"],
    [12.4, "12 ms"],
    [1_530, "1.5 s"],
  ];
  for (const [ms, text] of cases) assert.equal(duration(ms), text);
  assert.deepEqual([0, 0.0001, 0.021, 0.34, 1].map(percent), ["0 %", "0 %", "2.1 %", "34 %", "100 %"]);
});
