import type { Environment } from "../../xds/common/environment.ts";
import { parseHostPort } from "../../xds/common/host-port.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import type { Command, Flag, Invocation } from "./command.ts";
import { UsageError } from "./command.ts";

/** Reads `--name value`, `--name=value`, `-n value`, switches and positionals; fills the rest from the environment. */
export function parseArguments(command: Command, argv: readonly string[], env: Environment): Invocation {
  const flags = new Map<string, string>();
  const positionals: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    if (argument === "--") {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      positionals.push(argument);
      continue;
    }
    const [spelled, inline] = splitOnce(argument, "=");
    const flag = findFlag(command, spelled);
    if (flag.value === undefined) {
      if (inline !== undefined) throw new UsageError(`--${flag.name} takes no value`);
      flags.set(flag.name, "true");
      continue;
    }
    const value = inline ?? argv[++i];
    if (value === undefined)
      throw new UsageError(`--${flag.name} needs a value: --${flag.name} ${flag.value}`);
    flags.set(flag.name, value);
  }
  for (const flag of command.flags) {
    const value = flag.env === undefined ? undefined : env[flag.env];
    if (value !== undefined && value !== "" && !flags.has(flag.name)) flags.set(flag.name, value);
  }
  for (const flag of command.flags) checkAddress(flag, flags.get(flag.name));
  checkCount(command, positionals);
  return { flags, positionals };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function findFlag(command: Command, spelled: string): Flag {
  const found = command.flags.find((flag) => spelled === `--${flag.name}` || spelled === `-${flag.short}`);
  if (found) return found;
  const known = command.flags.map((flag) => `--${flag.name}`);
  throw new UsageError(`dashpot ${command.name} knows no option ${spelled}${didYouMean(spelled, known)}`);
}

function checkAddress({ name, value }: Flag, given: string | undefined): void {
  if (value !== "HOST:PORT" || given === undefined) return;
  if ("error" in parseHostPort(given, 0))
    throw new UsageError(`--${name} takes HOST:PORT, such as 127.0.0.1:15000, not ${JSON.stringify(given)}`);
}

function checkCount(command: Command, positionals: readonly string[]): void {
  const [least, most] = command.positionals;
  if (positionals.length >= least && positionals.length <= most) return;
  throw new UsageError(
    positionals.length < least
      ? `dashpot ${command.name} needs more arguments`
      : `dashpot ${command.name} does not understand "${positionals[most]}"`,
  );
}
