import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import type { TestContext } from "node:test";

const LISTEN = `
  const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    process.stdout.write(String(server.address().port));
  });`;

/**
 * A port on loopback that swallows SYNs: a listener that stands still, with its short queue of connections full. What the kernel
 * then does is what a firewall does that drops.
 */
export async function blackHole(t: TestContext): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ["-e", LISTEN], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [port] = (await once(child.stdout as NonNullable<typeof child.stdout>, "data")) as [Buffer];
  child.kill("SIGSTOP");
  const number = Number(port.toString());
  // One more than the queue's length is taken, and the next may be half taken.
  for (let i = 0; i < 4; i++) {
    const socket = net.connect({ port: number, host: "127.0.0.1" }).on("error", () => {});
    t.after(() => socket.destroy());
  }
  return number;
}
