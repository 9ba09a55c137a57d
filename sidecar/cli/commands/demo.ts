import type { Command, Terminal } from "../command.ts";
import { UsageError } from "../command.ts";
import { DEFAULT_ADMIN, DEFAULT_OUTBOUND } from "../default-addresses.ts";
import type { Demo } from "../demo/demo.ts";
import { judge, renderSummary } from "../demo/summary.ts";
import { EXIT } from "../exit-code.ts";

const ANY = { host: "127.0.0.1", port: 0 };

export const demo: Command = {
  name: "demo",
  summary: "the whole mesh on loopback: watch traffic move away from a sick endpoint, and why",
  usage: "demo [--once]",
  flags: [{ name: "once", text: "play the phases once, print a summary, exit 1 if a promise was broken" }],
  positionals: [0, 0],
  examples: [
    "dashpot demo",
    "dashpot demo --once",
    "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 dashpot demo",
  ],
  async run({ flags }, terminal) {
    const once = flags.has("once");
    const demo = await start(terminal, once);
    try {
      terminal.stdout.write(introduction(demo, once));
      do {
        const result = await demo.play();
        if (terminal.ended.aborted) break;
        terminal.stdout.write(`${renderSummary(result)}\n`);
        if (once) return judge(result).every(({ kept }) => kept) ? EXIT.ok : EXIT.failure;
      } while (!terminal.ended.aborted);
      return EXIT.ok;
    } finally {
      await demo.stop();
    }
  },
};

/** On the usual ports, where people look for it; on free ones where those are taken, and where nobody looks. */
async function start(terminal: Terminal, once: boolean): Promise<Demo> {
  const { Demo } = await import("../demo/demo.ts");
  if (once) return Demo.start(terminal, { admin: ANY, outbound: ANY });
  try {
    return await Demo.start(terminal, { admin: DEFAULT_ADMIN, outbound: DEFAULT_OUTBOUND });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return Demo.start(terminal, { admin: ANY, outbound: ANY });
  }
}

function introduction(demo: Demo, once: boolean): string {
  return [
    "Three backends of two hardware generations; orders-b will fall ill and recover.",
    `  why a call went where it went:  ${demo.inspector}`,
    `  a call of your own:             curl -H 'Host: orders' http://${demo.outbound}/`,
    `  spans to a collector:           ${demo.exportsTo || "set OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318 and start again"}`,
    once ? "" : "  end:                            Ctrl-C",
    "",
    "",
  ].join("\n");
}
