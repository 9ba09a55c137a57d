import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { type PolicyEntry, runScenario, type Scenario } from "../../sidecar/simulate/index.ts";
import { averaged, figuresOf, type IsSpoilt, type Pair, spoiltPart } from "./comparison.ts";
import { networkLatency, runOnLoopback } from "./run-on-loopback.ts";

/**
 * Simulated runs per real one. Which of several equal endpoints a sidecar stays with is chance, in both worlds: a hundredth more
 * latency is another draw of it.
 */
const SIMULATED_RUNS = 12;
const DRAW_PART = 0.01;
/** A run is thrown away when so many of its requests were touched by stalls, or when sockets took so long. */
const MOST_SPOILT = 0.3;
const MOST_NETWORK_MS = 5;

export interface LoopbackPair extends Pair {
  /** One way, without work; it is the simulated runs' network. */
  readonly networkMs: number;
  readonly spoiltPart: number;
  readonly stalls: number;
}

/** One real run and simulated ones of the same requests; undefined when the machine was too busy for the real one to mean anything. */
export async function makePair(
  scenario: Scenario,
  policy: ResolvedPolicy,
  entry: PolicyEntry,
  seed: number,
): Promise<LoopbackPair | undefined> {
  const networkMs = await networkLatency(scenario, policy, seed);
  const { recording, stalls } = await runOnLoopback(scenario, policy, seed);
  const isSpoilt: IsSpoilt = (startedAt) => stalls.touches(startedAt);
  const spoilt = spoiltPart(recording, isSpoilt);
  if (!(networkMs < MOST_NETWORK_MS) || spoilt > MOST_SPOILT) return undefined;
  const simulated = Array.from({ length: SIMULATED_RUNS }, (_, draw) => {
    const network = { ...scenario.network, latencyMs: networkMs * (1 + DRAW_PART * draw) };
    const run = runScenario({ ...scenario, network }, { policy: entry, seed });
    return figuresOf(run.recording, isSpoilt);
  });
  return {
    simulated: averaged(simulated),
    measured: figuresOf(recording, isSpoilt),
    networkMs,
    spoiltPart: spoilt,
    stalls: stalls.count,
  };
}
