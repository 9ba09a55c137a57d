import assert from "node:assert/strict";
import { test } from "node:test";
import { runSliced } from "../../../xds/client/sliced-work.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** Ten steps of 2 ms each, run in slices of 5 ms. */
function subject() {
  const clock = new FakeClock();
  const deferred: (() => void)[] = [];
  const results: string[] = [];
  let steps = 0;
  function* work() {
    for (let i = 0; i < 10; i++) {
      steps++;
      clock.advance(2);
      yield;
    }
    return "done";
  }
  const defer = (resume: () => void) => deferred.push(resume);
  const cancel = runSliced(work(), { clock, sliceMs: 5, defer }, (result) => results.push(result));
  return { deferred, results, cancel, steps: () => steps };
}

test("work goes on in slices and ends with its result", () => {
  const { deferred, results, steps } = subject();
  assert.equal(steps(), 3);
  while (deferred.length > 0) deferred.shift()!();
  assert.equal(steps(), 10);
  assert.deepEqual(results, ["done"]);
});

test("abandoned work takes no further step and gives no result", () => {
  const { deferred, results, cancel, steps } = subject();
  cancel();
  deferred.shift()!();
  assert.equal(steps(), 3);
  assert.deepEqual([deferred, results], [[], []]);
});
