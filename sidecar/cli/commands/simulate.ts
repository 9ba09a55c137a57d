import type { Command } from "../command.ts";

export const simulate: Command = {
  name: "simulate",
  summary: "the production balancing code under a virtual clock, beside its peers",
  usage: "simulate [SCENARIO] [--policies NAMES] [--seeds NUMBERS] [--json] [--svg FILE]",
  flags: [
    {
      name: "policies",
      value: "NAMES",
      text: "separated by commas; without a scenario the command lists what there is",
    },
    { name: "seeds", value: "NUMBERS", fallback: "1", text: "separated by commas" },
    { name: "json", text: "one JSON object instead of the table" },
    { name: "svg", value: "FILE", text: "draw shares, weights, queues and p99 over time" },
  ],
  positionals: [0, 1],
  examples: [
    "dashpot simulate",
    "dashpot simulate mine.yaml --seeds 1,2,3",
    "dashpot simulate slow-endpoint --policies adaptive,peak_ewma --svg slow.svg",
  ],
  async run({ flags, positionals }, terminal) {
    const { simulateCommand } = await import("../../simulate/index.ts");
    return simulateCommand(
      {
        scenario: positionals[0],
        policies: flags.get("policies")?.split(","),
        seeds: flags.get("seeds"),
        json: flags.has("json"),
        svg: flags.get("svg"),
      },
      terminal,
    );
  },
};
