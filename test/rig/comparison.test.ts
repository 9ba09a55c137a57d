import assert from "node:assert/strict";
import test from "node:test";
import { averaged, compare, type Figure } from "./comparison.ts";

function figures(share: number, p99: number): Figure[] {
  return [
    { phase: "all", name: "share %", value: share },
    { phase: "all", name: "p99 ms", value: p99 },
  ];
}

test("a difference is told with what chance may have done to it", () => {
  const simulated = averaged([figures(8, 100), figures(12, 100)]);
  const [share, p99] = compare([
    { simulated, measured: figures(11, 110) },
    { simulated, measured: figures(13, 110) },
  ]);
  assert.deepEqual([share!.simulated, share!.measured], [10, 12]);
  assert.ok(Math.abs(share!.differencePercent - 20) < 1e-9);
  // Student's t for one degree of freedom, 12.71, times a standard error of 1, of 10.
  assert.ok(Math.abs(share!.uncertaintyPercent - 127.1) < 1e-9);
  assert.ok(Math.abs(p99!.differencePercent - 10) < 1e-9);
  assert.equal(p99!.uncertaintyPercent, 0);
});

test("what never happens on either side does not differ", () => {
  const pair = { simulated: figures(0, 0), measured: figures(0, 0) };
  for (const { differencePercent } of compare([pair, pair])) assert.equal(differencePercent, 0);
});
