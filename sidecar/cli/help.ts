import type { Command, Flag } from "./command.ts";

const EXIT_CODES = "Exit codes: 0 ok, 1 runtime failure, 2 usage, 3 configuration invalid, 4 cannot bind.";

export function commandHelp(command: Command): string {
  const lines = [command.summary, "", `Usage: dashpot ${command.usage}`];
  if (command.flags.length > 0) {
    const names = command.flags.map(spelling);
    const width = Math.max(...names.map((name) => name.length));
    lines.push("", "Options:");
    command.flags.forEach((flag, i) => {
      lines.push(`  ${(names[i] as string).padEnd(width)}  ${flag.text}${origin(flag)}`);
    });
  }
  if (command.examples.length > 0)
    lines.push("", "Examples:", ...command.examples.map((line) => `  ${line}`));
  if (command.signals) {
    const width = Math.max(...command.signals.map(([signal]) => signal.length));
    lines.push(
      "",
      "Signals:",
      ...command.signals.map(([signal, does]) => `  ${signal.padEnd(width)}  ${does}`),
    );
  }
  lines.push("", EXIT_CODES);
  return `${lines.join("\n")}\n`;
}

export function overview(commands: readonly Command[], version: string): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return `${[
    `dashpot ${version}: a sidecar proxy for adaptive routing`,
    "",
    "Usage: dashpot COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    "`dashpot COMMAND --help` tells each command's options. `dashpot --version` prints the version.",
    EXIT_CODES,
  ].join("\n")}\n`;
}

function spelling(flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `${short}--${flag.name}${flag.value === undefined ? "" : ` ${flag.value}`}`;
}

function origin(flag: Flag): string {
  const parts = [
    ...(flag.fallback === undefined ? [] : [`default ${flag.fallback}`]),
    ...(flag.env === undefined ? [] : [`env ${flag.env}`]),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}
