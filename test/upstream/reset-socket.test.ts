import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { suite, type TestContext, test } from "node:test";
import { resetSocket } from "../../sidecar/upstream/reset-socket.ts";

async function pair(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const near = net.connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    allowHalfOpen: true,
  });
  const [far] = (await accepted) as [Socket];
  await once(near, "connect");
  near.on("error", () => {});
  far.on("error", () => {});
  t.after(() => {
    far.destroy();
    server.close();
  });
  return { near, far };
}

suite("resetting a connection", () => {
  test("its peer is told by RST", async (t) => {
    const { near, far } = await pair(t);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => far.on("error", resolve));
    far.resume();
    resetSocket(near);
    assert.equal((await failed).code, "ECONNRESET");
  });

  test("one whose FIN is on its way is closed all the same, with all that it sent", async (t) => {
    const { near, far } = await pair(t);
    near.end("all");
    const closed = once(near, "close");
    resetSocket(near);
    await closed;
    assert.equal((await far.toArray()).join(""), "all");
  });
});
