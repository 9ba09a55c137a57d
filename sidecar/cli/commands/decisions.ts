import type { Decision } from "../../telemetry/decision.ts";
import { ADMIN_FLAGS, AdminClient } from "../admin-client.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-code.ts";

const WHICH_ARE =
  "Requests that failed, were retried or were slow always are, others by their sampling (trace_sample_ratio)";
const FILTERS = ["cluster", "endpoint", "outcome"] as const;

export const decisions: Command = {
  name: "decisions",
  summary: "recent routing decisions, each with its sentence",
  usage: "decisions [--follow] [--cluster NAME] [--endpoint ADDRESS] [--outcome NAME] [OPTIONS]",
  flags: [
    ...ADMIN_FLAGS,
    { name: "follow", short: "f", text: "go on as they are made, until Ctrl-C" },
    { name: "limit", short: "n", value: "COUNT", fallback: "20", text: "how many of the past" },
    { name: "cluster", value: "NAME", text: "only those of this cluster" },
    { name: "endpoint", value: "ADDRESS", text: "only those that chose this endpoint" },
    {
      name: "outcome",
      value: "NAME",
      text: "only those that ended so: ok, failed, no_healthy, server_error, timeout ...",
    },
    { name: "json", text: "one JSON object per line" },
  ],
  positionals: [0, 0],
  examples: ["dashpot decisions", "dashpot decisions --follow --outcome server_error"],
  async run(invocation, terminal) {
    const { flags } = invocation;
    const query = new URLSearchParams({ limit: flags.get("limit") ?? "20" });
    for (const filter of FILTERS) {
      const value = flags.get(filter);
      if (value !== undefined) query.set(filter, value);
    }
    const show = (decision: Decision): void => {
      terminal.stdout.write(flags.has("json") ? `${JSON.stringify(decision)}\n` : `${told(decision)}\n`);
    };
    const admin = new AdminClient(invocation);
    const past = JSON.parse(await admin.ask(`/decisions?${query}`)) as { decisions: Decision[] };
    for (const decision of past.decisions.toReversed()) show(decision);
    if (past.decisions.length === 0 && !flags.has("follow"))
      terminal.stderr.write(`dashpot: no such decision is recorded. ${WHICH_ARE}\n`);
    if (flags.has("follow")) {
      query.set("follow", "1");
      for await (const line of admin.follow(`/decisions?${query}`, terminal.ended)) {
        if (line.startsWith("data: {")) show(JSON.parse(line.slice("data: ".length)) as Decision);
      }
    }
    return EXIT.ok;
  },
};

function told(decision: Decision): string {
  const { time, method, authority, path, outcome, status, keptBecause, durationMs, attempt, sentence } =
    decision;
  const clock = new Date(time).toISOString().slice(11, 23);
  const ended = [outcome, ...(status === 0 ? [] : [status]), `${durationMs.toFixed(1)} ms`].join(" ");
  const retry = attempt === 0 ? "" : ` retry ${attempt}`;
  return `${clock} ${method} ${authority}${path}${retry}: ${ended} [${keptBecause}]\n  ${sentence}`;
}
