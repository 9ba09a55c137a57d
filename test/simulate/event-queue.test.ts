import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { EventQueue } from "../../sidecar/simulate/event-queue.ts";

const SEED = 20261121;

test("events come out in the order of time, and those of one instant in the order they were added", () => {
  const command = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant("take" as const));
  fc.assert(
    fc.property(fc.array(command, { maxLength: 3_000 }), (commands) => {
      const queue = new EventQueue();
      const model: { at: number; id: number }[] = [];
      for (const [id, command] of commands.entries()) {
        if (command !== "take") {
          queue.add(command, 3, id, id + 9);
          model.push({ at: command, id });
          continue;
        }
        model.sort((x, y) => x.at - y.at || x.id - y.id);
        const first = model.shift();
        assert.equal(queue.next(), first !== undefined);
        if (first)
          assert.deepEqual([queue.at, queue.kind, queue.a, queue.b], [first.at, 3, first.id, first.id + 9]);
      }
      assert.equal(queue.size, model.length);
    }),
    { seed: SEED, numRuns: 60 },
  );
});
