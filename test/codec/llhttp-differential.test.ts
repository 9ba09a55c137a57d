import assert from "node:assert/strict";
import test from "node:test";
import { compareParsers } from "../fuzz/http1-differential.ts";
import { hasOracle } from "../fuzz/llhttp.ts";

/** DASHPOT_FUZZ_SEED repeats a run. */
const { DASHPOT_FUZZ_SEED } = process.env;
const seed = Number(DASHPOT_FUZZ_SEED ?? Date.now() % 1_000_000);

test("no message that the codec accepts is framed differently by llhttp, nor by other cuts of its bytes", {
  skip: hasOracle ? false : "this Node does not give its parser away",
}, (t) => {
  const { tally, findings } = compareParsers(seed, 20_000);
  t.diagnostic(`seed ${seed}: ${JSON.stringify(tally)}`);
  assert.deepEqual(findings, [], `repeat with DASHPOT_FUZZ_SEED=${seed}`);
  assert.ok(tally.agreed > 1_000, "the wires are too broken to compare anything");
});
