import type { CorpusCase } from "./corpus-case.ts";
import type { Comparison } from "./wire-message.ts";

/** A case and where its origin listens. */
export interface StagedCase {
  readonly corpusCase: CorpusCase;
  readonly originPort: number;
}

/** A proxy that has one listener for each case, which leads to that case's origin. */
export interface ProxyUnderTest {
  readonly comparison: Comparison;
  /** The listener of the case with this index. */
  port(index: number): number;
  stop(): Promise<void>;
}
