import { BindError } from "../../xds/common/bind-error.ts";
import type { Terminal } from "./command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";

/** Tells why a server did not start. What the system refused is told in a sentence; a fault of ours keeps its stack. */
export function startFailure(error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof BindError) {
    terminal.stderr.write(`dashpot: ${error.message}\n`);
    return EXIT.bind;
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "EISDIR" || code === "EACCES") {
    terminal.stderr.write(`dashpot: ${(error as Error).message}\n`);
    return EXIT.config;
  }
  throw error;
}
