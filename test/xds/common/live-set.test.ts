import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { LiveSet, type Member, NOWHERE } from "../../../xds/common/live-set.ts";
import { seededRandom } from "../../../xds/common/random.ts";

class Guest implements Member {
  place = NOWHERE;
}

suite("a set of what comes and goes", () => {
  test("holds what was added and has not left, whatever the order", () => {
    const random = seededRandom(7);
    const set = new LiveSet<Guest>();
    const model = new Set<Guest>();
    for (let step = 0; step < 10_000; step++) {
      const stays = [...model];
      const leaving = stays[Math.floor(random() * stays.length)];
      if (leaving && random() < 0.5) assert.equal(set.delete(leaving), model.delete(leaving));
      else {
        const guest = new Guest();
        set.add(guest);
        model.add(guest);
      }
      assert.equal(set.size, model.size);
    }
    assert.deepEqual(new Set(set), model);
  });

  test("knows who is not in it", () => {
    const set = new LiveSet<Guest>();
    const guest = new Guest();
    assert.equal(set.delete(guest), false);
    set.add(guest);
    assert.equal(set.delete(guest), true);
    assert.equal(set.delete(guest), false);
  });

  test("gives everybody once, though they leave and others come meanwhile", () => {
    const set = new LiveSet<Guest>();
    const guests = Array.from({ length: 10 }, () => new Guest());
    for (const guest of guests) set.add(guest);
    const seen: Guest[] = [];
    for (const guest of set) {
      seen.push(guest);
      set.delete(guest);
      set.add(new Guest());
    }
    assert.deepEqual(seen, guests);
    assert.equal(set.size, 10);
  });
});
