import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { AdsConnection, RECONNECT_BACKOFF } from "../../../xds/client/ads-connection.ts";
import type { StreamHandlers } from "../../../xds/client/ads-transport.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A connection over a transport whose every stream is in the test's hands. */
function subject() {
  const clock = new FakeClock();
  const streams: (StreamHandlers & { sent: Uint8Array[]; aborted: boolean })[] = [];
  const events: string[] = [];
  const connection = new AdsConnection({
    transport: {
      target: "control:18000",
      connect(handlers) {
        const stream = { ...handlers, sent: [] as Uint8Array[], aborted: false };
        streams.push(stream);
        return {
          send: (bytes) => stream.sent.push(bytes),
          pause: () => {},
          resume: () => {},
          abort: () => {
            stream.aborted = true;
          },
        };
      },
    },
    backoff: { ...RECONNECT_BACKOFF, jitter: 0 },
    clock,
    random: () => 0.5,
    logger: pino({ level: "silent" }),
    onOpen: () => events.push("open"),
    onMessage: () => events.push("message"),
    onClose: () => events.push("close"),
  });
  connection.start();
  const newest = () => streams.at(-1)!;
  return { clock, streams, newest, events, connection };
}

const refused = { code: "UNAVAILABLE", reason: "cannot connect" };

test("a server that cannot be reached is tried again after 1 s, then 1.6 times longer each time, up to 30 s", () => {
  const { clock, streams, newest } = subject();
  const delays: number[] = [];
  for (let i = 0; i < 10; i++) {
    newest().close(refused);
    const before = streams.length;
    let waited = 0;
    while (streams.length === before) {
      clock.advance(100);
      waited += 100;
    }
    delays.push(waited);
  }
  assert.deepEqual(delays, [1000, 1600, 2600, 4100, 6600, 10500, 16800, 26900, 30000, 30000]);
});

test("the delay starts anew after the first response", () => {
  const { clock, streams, newest } = subject();
  for (let i = 0; i < 8; i++) {
    newest().close(refused);
    clock.advance(30_000);
  }
  newest().open();
  newest().message(new Uint8Array());
  newest().close(refused);
  clock.advance(1000);
  newest().close(refused);
  const before = streams.length;
  clock.advance(1000);
  assert.equal(streams.length, before + 1);
});

test("a stream that had answered is opened again at once, but not more than once per second", () => {
  const { clock, streams, newest } = subject();
  newest().open();
  newest().message(new Uint8Array());
  newest().close({ code: "OK", reason: "" });
  assert.equal(streams.length, 1);
  clock.advance(999);
  assert.equal(streams.length, 1);
  clock.advance(1);
  assert.equal(streams.length, 2);
  newest().open();
  newest().message(new Uint8Array());
  clock.advance(60_000);
  newest().close({ code: "OK", reason: "" });
  clock.advance(0);
  assert.equal(streams.length, 3);
});

test("a stream that ends without an answer counts as a failure and shows its reason", () => {
  const { newest, connection, events } = subject();
  newest().open();
  assert.equal(connection.status().state, "connected");
  newest().close({ code: "PERMISSION_DENIED", reason: "who are you" });
  assert.deepEqual(events, ["open", "close"]);
  const { state, failures, lastFailure, connectedSince } = connection.status();
  assert.deepEqual([state, failures, connectedSince], ["waiting", 1, undefined]);
  assert.equal(lastFailure?.reason, "PERMISSION_DENIED: who are you");
});

test("a message over the receive limit is a failure with a growing delay, also after good ones", () => {
  const { clock, streams, newest } = subject();
  for (const delay of [1000, 1600, 2560]) {
    newest().open();
    newest().message(new Uint8Array());
    clock.advance(60_000);
    newest().close({ code: "RESOURCE_EXHAUSTED", reason: "Received message larger than max" });
    const before = streams.length;
    clock.advance(delay - 1);
    assert.equal(streams.length, before);
    clock.advance(1);
    assert.equal(streams.length, before + 1);
  }
});

test("a connection that is neither made nor refused is given up after 10 s", () => {
  const { clock, streams, connection } = subject();
  clock.advance(10_000);
  assert.equal(streams[0]?.aborted, true);
  assert.match(connection.status().lastFailure?.reason ?? "", /no connection within 10000 ms/);
  clock.advance(1000);
  assert.equal(streams.length, 2);
});

test("closing aborts the stream and leaves no timer", () => {
  const { clock, streams, newest, connection, events } = subject();
  newest().open();
  connection.close();
  newest().close(refused);
  assert.equal(streams[0]?.aborted, true);
  assert.equal(clock.pending, 0);
  assert.deepEqual(events, ["open"]);
});
