import type { CorpusCase } from "./corpus-case.ts";
import { CorpusOrigin } from "./corpus-origin.ts";
import { type Peer, startPeer } from "./peer-under-test.ts";
import { playCase } from "./play-case.ts";

/** How a peer did in one case. */
export interface PeerResult {
  readonly corpusCase: CorpusCase;
  /** What it did otherwise; empty: nothing. */
  readonly differs: string;
}

/** Cases at a time: enough that those that wait for what does not come wait together. */
const AT_A_TIME = 48;
/** Long for a proxy on loopback. A difference that is only slowness would show as one that nobody wrote down. */
const STEP_TIMEOUT_MS = 3_000;

/** The cases that say nothing which the peer's configuration cannot express. */
export function forPeer({ readsBootstraps }: Peer, corpus: readonly CorpusCase[]): CorpusCase[] {
  if (readsBootstraps) return [...corpus];
  return corpus.filter(
    ({ listener, routes, upgrades }) => listener === "" && routes === "" && !upgrades.includes("CONNECT"),
  );
}

/** Plays the cases through a peer and tells of each how it did. */
export async function playPeer(peer: Peer, cases: readonly CorpusCase[]): Promise<PeerResult[]> {
  const origins: CorpusOrigin[] = [];
  for (const _ of cases) origins.push(await CorpusOrigin.start());
  const proxy = await startPeer(
    peer,
    cases.map((corpusCase, index) => ({ corpusCase, originPort: origins[index]?.port ?? 0 })),
  );
  const results: PeerResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++) {
      const corpusCase = cases[index] as CorpusCase;
      const origin = origins[index] as CorpusOrigin;
      const failure = await playCase(corpusCase, proxy.port(index), origin, {
        comparison: proxy.comparison,
        stepTimeoutMs: STEP_TIMEOUT_MS,
      }).catch((error: Error) => error);
      results[index] = { corpusCase, differs: failure?.message ?? "" };
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  } finally {
    await proxy.stop();
    for (const origin of origins) await origin.close();
  }
  return results;
}
