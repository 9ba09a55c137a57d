import assert from "node:assert/strict";
import { test } from "node:test";
import { PEERS, whyAbsent } from "./peer-under-test.ts";
import { forPeer, playPeer } from "./play-peer.ts";
import { readCorpus } from "./read-corpus.ts";

const whole = readCorpus();

for (const peer of PEERS) {
  const absent = whyAbsent(peer);
  const corpus = forPeer(peer, whole);
  test(`${peer.name} does as the corpus says, but for the differences that it gives a reason for`, {
    skip: absent ?? false,
  }, async (t) => {
    const expected = corpus.filter(({ differences }) => !differences.has(peer.name));
    const different = (await playPeer(peer, expected)).filter(({ differs }) => differs !== "");
    // What a busy machine held up does not differ twice.
    const again = different.map(({ corpusCase }) => corpusCase);
    const reports = again.length === 0 ? [] : await playPeer(peer, again);
    t.diagnostic(`${expected.length} of ${corpus.length} cases expected to agree`);
    assert.deepEqual(
      reports
        .filter(({ differs }) => differs !== "")
        .map(({ corpusCase, differs }) => `${corpusCase.name}: ${differs}`),
      [],
    );
  });
}
