/*
 * What other proxies do with the corpus, by hand:
 *
 *   node test/http1/peers.ts [--all] [haproxy] [nginx] [envoy]
 *
 * One line for each case that a peer does otherwise, with its reason where the corpus gives one. Exits 1 when one has no reason.
 * `--all` also says at length what was seen.
 */
import { parseArgs } from "node:util";
import { PEERS, type Peer, whyAbsent } from "./peer-under-test.ts";
import { forPeer, type PeerResult, playPeer } from "./play-peer.ts";
import { readCorpus } from "./read-corpus.ts";

const { values, positionals } = parseArgs({
  options: { all: { type: "boolean", default: false } },
  allowPositionals: true,
});
const corpus = readCorpus();

async function compare(peer: Peer): Promise<void> {
  const absent = whyAbsent(peer);
  if (absent !== undefined) {
    process.stdout.write(`skipped: ${absent}\n`);
    return;
  }
  const cases = forPeer(peer, corpus);
  const results = await playPeer(peer, cases);
  const different = results.filter(({ differs }) => differs !== "");
  process.stdout.write(`${peer.name}: ${cases.length} cases, ${different.length} otherwise\n`);
  for (const [place, variants] of Map.groupBy(
    results,
    ({ corpusCase: { file, line } }) => `${file}:${line}`,
  )) {
    report(peer, place, variants);
  }
}

function report({ name: peer }: Peer, place: string, variants: readonly PeerResult[]): void {
  const [first] = variants;
  if (!first) return;
  const different = variants.filter(({ differs }) => differs !== "");
  const reason = first.corpusCase.differences.get(peer);
  if (different.length === 0) {
    if (reason !== undefined) process.stdout.write(`  agrees, although the corpus has a reason: ${place}\n`);
    return;
  }
  if (reason === undefined) process.exitCode = 1;
  const share = variants.length > 1 ? ` (${different.length} of ${variants.length})` : "";
  process.stdout.write(`  ${place}${share} ${first.corpusCase.name}: ${reason ?? "NO REASON GIVEN"}\n`);
  for (const { corpusCase, differs } of different) {
    const seen = values.all ? differs : (differs.split("\n", 1)[0] ?? "").replace(/^\S+ /, "");
    process.stdout.write(`      ${/ \[(.*)\]$/.exec(corpusCase.name)?.[1] ?? ""} | ${seen}\n`);
  }
}

for (const peer of PEERS) {
  if (positionals.length === 0 || positionals.includes(peer.name)) await compare(peer);
}
