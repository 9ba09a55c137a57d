import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import net from "node:net";
import { suite, type TestContext, test } from "node:test";
import { LingeringClose } from "../../sidecar/upstream/lingering-close.ts";
import { TimerWheel } from "../../xds/common/timer-wheel.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** More than the kernel holds for a peer that does not read. */
const MUCH = Buffer.alloc(16 * 1024 * 1024);

/** A socket of ours with bytes that its peer has not taken. */
async function stuckSocket(t: TestContext) {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ours = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [[peer]] = (await Promise.all([once(server, "connection"), once(ours, "connect")])) as [
    [net.Socket],
    unknown,
  ];
  ours.on("error", () => {});
  peer.on("error", () => {});
  t.after(() => {
    ours.destroy();
    peer.destroy();
    server.close();
  });
  ours.write(MUCH);
  assert.ok(ours.writableLength > 0);
  const clock = new FakeClock();
  const wheel = new TimerWheel(clock);
  const closed: number[] = [];
  const close = (stuckMs: number) =>
    new LingeringClose(ours, wheel, stuckMs, true, () => closed.push(clock.now()));
  return { ours, peer, clock, wheel, closed, close };
}

suite("closing a connection whose last byte is written", () => {
  test("a peer that takes nothing for as long as is allowed is given up, though both sides have ended", async (t) => {
    const { ours, clock, wheel, closed, close } = await stuckSocket(t);
    close(5_000);
    clock.advance(4_900);
    assert.deepEqual(closed, []);
    clock.advance(3_000);
    assert.equal(closed.length, 1);
    assert.ok(ours.destroyed);
    assert.equal(wheel.size, 0);
  });

  test("a peer that begins to read in time gets everything, and the end", async (t) => {
    const { peer, clock, closed, close } = await stuckSocket(t);
    close(5_000);
    let got = 0;
    peer.on("data", (chunk: Buffer) => {
      got += chunk.length;
    });
    // Less than is allowed.
    clock.advance(4_000);
    peer.resume();
    if (!peer.readableEnded) await once(peer, "end");
    assert.equal(got, MUCH.length);
    await eventually(() => closed.length === 1, "it is closed once");
  });

  test("a peer that resets the connection ends the wait at once", async (t) => {
    const { peer, wheel, closed, close } = await stuckSocket(t);
    close(0);
    peer.resetAndDestroy();
    await eventually(() => closed.length === 1, "it is closed");
    assert.equal(wheel.size, 0);
  });
});
