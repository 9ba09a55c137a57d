import type { Environment } from "../../xds/common/environment.ts";
import type { ExitCode } from "./exit-code.ts";

/** One option of a command. Every option may also come from its environment variable; the flag wins. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value in the help text, and for `HOST:PORT` is checked; absent: the flag is a switch. */
  readonly value?: string;
  readonly env?: string;
  /** In words, for the help text. */
  readonly fallback?: string;
  readonly text: string;
}

/** Where a command reads and writes: stdout is for data, stderr for everything said to people. */
export interface Terminal {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Environment;
  /** Aborts when the process is asked to end (SIGTERM, SIGINT). */
  readonly ended: AbortSignal;
}

/** A command line that was understood: flags by name, switches as "true". */
export interface Invocation {
  readonly flags: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/** Commands are all loaded to know their flags; what one needs to run, it loads itself. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** After `dashpot`. */
  readonly usage: string;
  readonly flags: readonly Flag[];
  /** Least and most positional arguments. */
  readonly positionals: readonly [least: number, most: number];
  readonly examples: readonly string[];
  /** What signals do to a command that goes on until it is ended. */
  readonly signals?: readonly (readonly [signal: string, does: string])[];
  run(invocation: Invocation, terminal: Terminal): Promise<ExitCode>;
}

/** What was asked for could not be done, in words for the person who asked: exit code 1. */
export class CommandError extends Error {}

/** The command line is wrong, in words for the person who typed it. */
export class UsageError extends Error {}
