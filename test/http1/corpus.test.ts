import { after, before, suite, test } from "node:test";
import { CorpusOrigin } from "./corpus-origin.ts";
import { startDashpot } from "./dashpot-under-test.ts";
import { playCase } from "./play-case.ts";
import type { ProxyUnderTest } from "./proxy-under-test.ts";
import { readCorpus } from "./read-corpus.ts";

const corpus = readCorpus();

for (const trickles of [false, true]) {
  suite(trickles ? "the HTTP/1.1 corpus, byte by byte" : "the HTTP/1.1 corpus", { concurrency: 16 }, () => {
    const origins: CorpusOrigin[] = [];
    let proxy: ProxyUnderTest;

    before(async () => {
      for (const _ of corpus) origins.push(await CorpusOrigin.start());
      proxy = await startDashpot(
        corpus.map((corpusCase, index) => ({ corpusCase, originPort: origins[index]?.port ?? 0 })),
      );
    });

    after(async () => {
      await proxy?.stop();
      for (const origin of origins) await origin.close();
    });

    corpus.forEach((corpusCase, index) => {
      test(corpusCase.name, () =>
        playCase(corpusCase, proxy.port(index), origins[index] as CorpusOrigin, {
          comparison: proxy.comparison,
          trickles,
        }),
      );
    });
  });
}
