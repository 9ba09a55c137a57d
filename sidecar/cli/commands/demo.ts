import { once } from "node:events";
import { createServer } from "node:net";
import type { SocketAddress } from "../../../xds/model/listener.ts";
import type { Command, Terminal } from "../command.ts";
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
    const onlyOnce = flags.has("once");
    const demo = await start(terminal, onlyOnce);
    try {
      terminal.stdout.write(introduction(demo, onlyOnce));
      do {
        const result = await demo.play();
        if (terminal.ended.aborted) break;
        terminal.stdout.write(`${renderSummary(result)}\n`);
        if (onlyOnce) return judge(result).every(({ kept }) => kept) ? EXIT.ok : EXIT.failure;
      } while (!terminal.ended.aborted);
      return EXIT.ok;
    } finally {
      await demo.stop();
    }
  },
};

/** On the usual ports, where people look for it; on free ones where one of those is taken, and where nobody looks. */
async function start(terminal: Terminal, onlyOnce: boolean): Promise<Demo> {
  const { Demo } = await import("../demo/demo.ts");
  const usual = !onlyOnce && (await isFree(DEFAULT_ADMIN)) && (await isFree(DEFAULT_OUTBOUND));
  return Demo.start(
    terminal,
    usual ? { admin: DEFAULT_ADMIN, outbound: DEFAULT_OUTBOUND } : { admin: ANY, outbound: ANY },
  );
}

async function isFree({ host, port }: SocketAddress): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, host), "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}

function introduction(demo: Demo, onlyOnce: boolean): string {
  return [
    "Three backends of two hardware generations; orders-b will fall ill and recover.",
    `  why a call went where it went:  ${demo.inspector}`,
    `  a call of your own:             curl -H 'Host: orders' http://${demo.outbound}/`,
    `  spans to a collector:           ${demo.exportsTo || "set OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318 and start again"}`,
    onlyOnce ? "" : "  end:                            Ctrl-C",
    "",
    "",
  ].join("\n");
}
