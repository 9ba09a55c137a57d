import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Clock } from "../../../xds/common/clock.ts";
import { seededRandom } from "../../../xds/common/random.ts";
import { TimerWheel, WheelTimer } from "../../../xds/common/timer-wheel.ts";
import { FakeClock } from "../../support/fake-clock.ts";

class Recording {
  readonly firedAt: number[] = [];
  readonly timer = new WheelTimer(this);
  readonly clock: FakeClock;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  onExpired(): void {
    this.firedAt.push(this.clock.now());
  }
}

suite("timer wheel", () => {
  test("a timer fires once, not early, and at most one tick late", () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 50);
    const one = new Recording(clock);
    wheel.arm(one.timer, 1_234);
    clock.advance(1_233);
    assert.deepEqual(one.firedAt, []);
    clock.advance(60_000);
    assert.equal(one.firedAt.length, 1);
    assert.ok(one.firedAt[0]! >= 1_234 && one.firedAt[0]! <= 1_284, `${one.firedAt}`);
    assert.equal(clock.pending, 0);
  });

  test("a delay longer than a turn of the wheel waits for its turn", () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 50);
    const long = new Recording(clock);
    wheel.arm(long.timer, 3_600_000);
    clock.advance(3_599_999);
    assert.deepEqual(long.firedAt, []);
    clock.advance(51);
    assert.equal(long.firedAt.length, 1);
  });

  test("after a stall of the process nothing expires before a tick has passed in which answers are read", () => {
    const fake = new FakeClock();
    let behind = 0;
    const clock: Clock = {
      now: () => fake.now() + behind,
      wall: () => fake.wall(),
      after: (delayMs, fire) => fake.after(delayMs, fire),
    };
    const wheel = new TimerWheel(clock, 50);
    const answered = new Recording(fake);
    const late = new Recording(fake);
    wheel.arm(answered.timer, 100);
    wheel.arm(late.timer, 100);
    fake.advance(99);
    behind = 5_000;
    fake.advance(1);
    assert.deepEqual([answered.firedAt, late.firedAt], [[], []]);
    wheel.disarm(answered.timer);
    fake.advance(50);
    assert.deepEqual([answered.firedAt.length, late.firedAt.length], [0, 1]);
    wheel.arm(answered.timer, 100);
    fake.advance(150);
    assert.equal(answered.firedAt.length, 1, "the wheel goes on");
  });

  test("a disarmed timer does not fire, and an empty wheel goes to sleep", () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 50);
    const one = new Recording(clock);
    wheel.arm(one.timer, 100);
    wheel.disarm(one.timer);
    wheel.disarm(one.timer);
    assert.equal(wheel.size, 0);
    clock.advance(1_000);
    assert.deepEqual(one.firedAt, []);
    assert.equal(clock.pending, 0);
  });

  test("a timer may be armed again, and may disarm another, while timers fire", () => {
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 50);
    const victim = new Recording(clock);
    let left = 3;
    const again = {
      onExpired(): void {
        wheel.disarm(victim.timer);
        if (--left > 0) wheel.arm(timer, 0);
      },
    };
    const timer = new WheelTimer(again);
    wheel.arm(victim.timer, 100);
    wheel.arm(timer, 100);
    clock.advance(1_000);
    assert.equal(left, 0);
    assert.deepEqual(victim.firedAt, []);
    assert.equal(wheel.size, 0);
  });

  test("random arming, moving and disarming fires exactly what stays armed", () => {
    const seed = 20_260_101;
    const random = seededRandom(seed);
    const clock = new FakeClock();
    const wheel = new TimerWheel(clock, 50);
    const timers = Array.from({ length: 40 }, () => new Recording(clock));
    const due = new Map<Recording, number>();
    for (let step = 0; step < 4_000; step++) {
      const one = timers[Math.floor(random() * timers.length)]!;
      if (random() < 0.3) {
        wheel.disarm(one.timer);
        due.delete(one);
      } else {
        const delay = random() * (random() < 0.1 ? 200_000 : 2_000);
        wheel.arm(one.timer, delay);
        due.set(one, clock.now() + delay);
      }
      clock.advance(random() * 200);
      for (const each of timers) {
        const at = due.get(each);
        const fired = each.firedAt.pop();
        if (fired === undefined) {
          assert.ok(at === undefined || at > clock.now() - 51, `seed ${seed} step ${step}: a timer was lost`);
          continue;
        }
        assert.ok(at !== undefined, `seed ${seed} step ${step}: a disarmed timer fired`);
        assert.ok(
          fired >= at && fired <= at + 50.001,
          `seed ${seed} step ${step}: due ${at}, fired ${fired}`,
        );
        due.delete(each);
      }
      assert.equal(wheel.size, due.size);
    }
  });
});
