/*
 * The long run of the differential fuzz, by hand:
 *
 *   node test/fuzz/http1-heads.ts --count 1000000 [--seed 7]
 *
 * Exits 1 and prints the wires when the codec frames a message that it accepts differently from llhttp.
 */
import { parseArgs } from "node:util";
import { compareParsers } from "./http1-differential.ts";
import { hasOracle } from "./llhttp.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "100000" }, seed: { type: "string" } },
});
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);

if (!hasOracle) {
  process.stdout.write("skipped: this Node does not give its parser away\n");
} else {
  const { tally, findings } = compareParsers(seed, Number(values.count));
  process.stdout.write(`${JSON.stringify({ seed, ...tally, findings }, null, 2)}\n`);
  if (findings.length > 0) process.exitCode = 1;
}
