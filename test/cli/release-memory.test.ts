import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { releaseMemory } from "../../sidecar/cli/release-memory.ts";

test("what is no longer used is given back, and V8's collector is out of reach again", async () => {
  const used = new WeakRef({ bytes: new Uint8Array(1_024) });
  // A WeakRef holds its target for the turn that made it.
  await turn();
  releaseMemory();
  assert.equal(used.deref(), undefined);
  assert.equal(runInNewContext("typeof gc"), "undefined");
});
