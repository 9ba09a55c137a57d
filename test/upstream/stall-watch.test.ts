import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StallWatch } from "../../sidecar/upstream/stall-watch.ts";
import type { Clock } from "../../xds/common/clock.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A clock whose timers fire late by what the test says, as those of a loop that stood still do. */
class StallingClock implements Clock {
  readonly #inner = new FakeClock();
  lateMs = 0;

  now(): number {
    return this.#inner.now() + this.lateMs;
  }

  wall(): number {
    return this.#inner.wall() + this.lateMs;
  }

  after(delayMs: number, fire: () => void): () => void {
    return this.#inner.after(delayMs, fire);
  }

  advance(ms: number): void {
    this.#inner.advance(ms);
  }

  get pending(): number {
    return this.#inner.pending;
  }
}

suite("stall watch", () => {
  test("a loop that stood still is noticed with how long, ordinary lateness is not", () => {
    const clock = new StallingClock();
    const stalls: number[] = [];
    const watch = new StallWatch(clock, (ms) => stalls.push(ms));
    clock.advance(1_000);
    assert.deepEqual(stalls, []);
    clock.lateMs += 90;
    clock.advance(60);
    assert.deepEqual(stalls, []);
    clock.lateMs += 2_000;
    clock.advance(60);
    assert.deepEqual(stalls, [2_000]);
    clock.advance(1_000);
    assert.deepEqual(stalls, [2_000]);
    watch.close();
    assert.equal(clock.pending, 0);
  });
});
