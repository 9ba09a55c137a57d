import { setTimeout as sleep } from "node:timers/promises";
import { ADMIN_FLAGS, AdminClient } from "../admin-client.ts";
import { type Command, CommandError, UsageError } from "../command.ts";
import { EXIT } from "../exit-code.ts";

const POLL_MS = 100;

/** For start-up hooks: an application that starts after this returns finds its sidecar ready. */
export const wait: Command = {
  name: "wait",
  summary: "wait until the sidecar is ready to take calls",
  usage: "wait [--timeout SECONDS] [--admin HOST:PORT]",
  flags: [
    ...ADMIN_FLAGS,
    { name: "timeout", value: "SECONDS", fallback: "60", text: "give up after this long, with exit code 1" },
  ],
  positionals: [0, 0],
  examples: ["dashpot wait --timeout 30"],
  async run(invocation, terminal) {
    const seconds = Number(invocation.flags.get("timeout") ?? "60");
    if (!(seconds > 0 && seconds <= 86_400))
      throw new UsageError("--timeout takes seconds, more than 0 and at most 86400");
    const deadline = performance.now() + seconds * 1000;
    let last = "";
    while (performance.now() < deadline && !terminal.ended.aborted) {
      try {
        await new AdminClient(invocation).ask("/ready", POLL_MS * 20);
        return EXIT.ok;
      } catch (error) {
        last = (error as Error).message;
      }
      await sleep(POLL_MS);
    }
    const end = terminal.ended.aborted
      ? "interrupted before the sidecar was ready"
      : `not ready within ${seconds} s`;
    throw new CommandError(`${end}: ${last}`);
  },
};
