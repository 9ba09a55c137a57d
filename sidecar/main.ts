import { didYouMean } from "../xds/common/nearest-name.ts";
import type { Command, Terminal } from "./cli/command.ts";
import { CommandError, UsageError } from "./cli/command.ts";
import { control } from "./cli/commands/control.ts";
import { decisions } from "./cli/commands/decisions.ts";
import { demo } from "./cli/commands/demo.ts";
import { endpoints } from "./cli/commands/endpoints.ts";
import { explain } from "./cli/commands/explain.ts";
import { healthcheck } from "./cli/commands/healthcheck.ts";
import { sidecar } from "./cli/commands/sidecar.ts";
import { simulate } from "./cli/commands/simulate.ts";
import { validate } from "./cli/commands/validate.ts";
import { wait } from "./cli/commands/wait.ts";
import type { ExitCode } from "./cli/exit-code.ts";
import { EXIT } from "./cli/exit-code.ts";
import { commandHelp, overview } from "./cli/help.ts";
import { parseArguments } from "./cli/parse-arguments.ts";
import { dashpotVersion } from "./cli/version.ts";

const COMMANDS: readonly Command[] = [
  sidecar,
  control,
  validate,
  demo,
  simulate,
  explain,
  endpoints,
  decisions,
  wait,
  healthcheck,
];

/** Runs one command line and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    // The second signal means it: whoever sends it does not want to wait for a drain any longer.
    process.on(signal, () => (ending.signal.aborted ? process.exit(EXIT.failure) : ending.abort()));
  }
  const terminal: Terminal = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    ended: ending.signal,
  };
  process.exit(await dispatch(argv, terminal));
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (argv[0] === "help" && argv[1] !== undefined) return dispatch([argv[1], "--help"], terminal);
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    terminal.stdout.write(overview(COMMANDS, dashpotVersion()));
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version" || name === "-V") {
    terminal.stdout.write(`dashpot ${dashpotVersion()} (Node ${process.version})\n`);
    return EXIT.ok;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) {
    const known = COMMANDS.map((candidate) => candidate.name);
    terminal.stderr.write(
      `dashpot: there is no command "${name}"${didYouMean(name, known)}; dashpot --help lists them\n`,
    );
    return EXIT.usage;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    terminal.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  try {
    return await command.run(parseArguments(command, rest, terminal.env), terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.stderr.write(`dashpot: ${error.message} (dashpot ${command.name} --help)\n`);
      return EXIT.usage;
    }
    if (!(error instanceof CommandError)) throw error;
    terminal.stderr.write(`dashpot: ${error.message}\n`);
    return EXIT.failure;
  }
}
