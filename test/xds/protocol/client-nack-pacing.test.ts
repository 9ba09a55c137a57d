import assert from "node:assert/strict";
import { test } from "node:test";
import { NackPacing } from "../../../xds/protocol/client-nack-pacing.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function subject() {
  const clock = new FakeClock();
  const passed: string[] = [];
  const pacing = new NackPacing(clock, ({ typeUrl, responseNonce, resourceNames, errorDetail }) =>
    passed.push([typeUrl, responseNonce, ...resourceNames, errorDetail ?? "ok"].join(" ")),
  );
  const send = (typeUrl: string, responseNonce: string, errorDetail?: string, resourceNames: string[] = []) =>
    pacing.send({ typeUrl, versionInfo: "", responseNonce, resourceNames, errorDetail });
  return { clock, pacing, passed, send };
}

test("the first NACK, another NACK and every ACK pass at once", () => {
  const { passed, send } = subject();
  send("cds", "1", "bad a");
  send("cds", "2", "bad b");
  send("cds", "3");
  send("eds", "4", "bad b");
  assert.deepEqual(passed, ["cds 1 bad a", "cds 2 bad b", "cds 3 ok", "eds 4 bad b"]);
});

test("the same NACK again waits until a second after the last, other types do not", () => {
  const { clock, passed, send } = subject();
  send("cds", "1", "bad");
  clock.advance(400);
  send("cds", "2", "bad");
  send("eds", "3");
  assert.deepEqual(passed, ["cds 1 bad", "eds 3 ok"]);
  clock.advance(600);
  assert.deepEqual(passed, ["cds 1 bad", "eds 3 ok", "cds 2 bad"]);
  clock.advance(2000);
  send("cds", "4", "bad");
  assert.equal(passed.at(-1), "cds 4 bad");
});

test("names that change while a NACK waits go out with its error, not as an ACK", () => {
  const { clock, passed, send } = subject();
  send("eds", "1", "bad");
  send("eds", "2", "bad");
  send("eds", "2", undefined, ["a", "b"]);
  assert.deepEqual(passed, ["eds 1 bad", "eds 2 a b bad"]);
  assert.equal(clock.pending, 0);
});

test("a response that comes while a NACK waits is answered instead", () => {
  const { clock, passed, send } = subject();
  send("cds", "1", "bad");
  send("cds", "2", "bad");
  send("cds", "3");
  assert.deepEqual(passed, ["cds 1 bad", "cds 3 ok"]);
  assert.equal(clock.pending, 0);
});

test("what waits is forgotten with its stream", () => {
  const { clock, pacing, passed, send } = subject();
  send("cds", "1", "bad");
  send("cds", "2", "bad");
  pacing.clear();
  clock.advance(10_000);
  assert.deepEqual(passed, ["cds 1 bad"]);
});
