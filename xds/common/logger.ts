import pino from "pino";
import type { LogLevel } from "./log-level.ts";

export type { Logger } from "pino";

/**
 * One JSON object per line on stderr (stdout is for data). Lines are buffered and written asynchronously, so that a blocked
 * log pipe never blocks the data path; call `flush` before the process ends.
 */
export function createLogger(level: LogLevel): pino.Logger {
  const destination = pino.destination({ dest: 2, sync: false });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
