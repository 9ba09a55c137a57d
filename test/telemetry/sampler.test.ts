import assert from "node:assert/strict";
import { test } from "node:test";
import { Sampler } from "../../sidecar/telemetry/sampler.ts";
import { TraceIds } from "../../sidecar/telemetry/trace-ids.ts";
import { seededRandom } from "../../xds/common/random.ts";

function shareOf(sampler: Sampler, percent?: number): number {
  const ids = new TraceIds(seededRandom(7));
  let sampled = 0;
  for (let i = 0; i < 20_000; i++) if (sampler.sample(ids.traceId(), undefined, percent)) sampled++;
  return sampled / 20_000;
}

test("a ratio samples that part of the traces", () => {
  assert.ok(Math.abs(shareOf(new Sampler({ ratio: 0.1, parentBased: true })) - 0.1) < 0.01);
  assert.equal(shareOf(new Sampler({ ratio: 0, parentBased: true })), 0);
  assert.equal(shareOf(new Sampler({ ratio: 1, parentBased: true })), 1);
});

test("all sidecars decide alike for the same trace, and a higher ratio never loses one", () => {
  const ids = new TraceIds(seededRandom(11));
  const low = new Sampler({ ratio: 0.05, parentBased: true });
  const high = new Sampler({ ratio: 0.5, parentBased: true });
  for (let i = 0; i < 5_000; i++) {
    const id = ids.traceId();
    if (low.sample(id, undefined, undefined)) assert.ok(high.sample(id, undefined, undefined));
  }
});

test("the threshold is taken on the last 56 bits of the trace id", () => {
  const half = new Sampler({ ratio: 0.5, parentBased: true });
  assert.equal(half.sample(`${"f".repeat(18)}7${"f".repeat(13)}`, undefined, undefined), false);
  assert.equal(half.sample(`${"0".repeat(18)}8${"0".repeat(13)}`, undefined, undefined), true);
});

test("the caller's decision is followed, unless the sampler is told not to", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  assert.equal(new Sampler({ ratio: 0, parentBased: true }).sample(id, true, undefined), true);
  assert.equal(new Sampler({ ratio: 1, parentBased: true }).sample(id, false, undefined), false);
  assert.equal(new Sampler({ ratio: 1, parentBased: false }).sample(id, false, undefined), true);
});

test("a listener's percentage takes the place of the ratio", () => {
  const sampler = new Sampler({ ratio: 0, parentBased: true });
  assert.ok(Math.abs(shareOf(sampler, 25) - 0.25) < 0.02);
  assert.equal(sampler.sample("4bf92f3577b34da6a3ce929d0e0e4736", true, 0), true);
});

test("ids are lower-case hex of the right length and do not repeat", () => {
  const ids = new TraceIds(seededRandom(3));
  const seen = new Set(Array.from({ length: 10_000 }, () => ids.spanId()));
  assert.equal(seen.size, 10_000);
  assert.match(ids.traceId(), /^[0-9a-f]{32}$/);
  assert.match(ids.spanId(), /^[0-9a-f]{16}$/);
});

test("ids are never all zero, whatever chance brings", () => {
  const ids = new TraceIds(() => 0);
  assert.notEqual(ids.spanId(), "0".repeat(16));
});
