import { ADMIN_FLAGS, AdminClient } from "../admin-client.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-code.ts";

/** For images without a shell: one question, answered by the exit code. */
export const healthcheck: Command = {
  name: "healthcheck",
  summary: "ask once whether the sidecar lives (exit code 0) or not (1)",
  usage: "healthcheck [--ready] [--admin HOST:PORT]",
  flags: [...ADMIN_FLAGS, { name: "ready", text: "ask for readiness, not only for life" }],
  positionals: [0, 0],
  examples: ["dashpot healthcheck", "dashpot healthcheck --ready"],
  async run(invocation) {
    await new AdminClient(invocation).ask(invocation.flags.has("ready") ? "/ready" : "/live");
    return EXIT.ok;
  },
};
