import pino from "pino";

export type { Logger } from "pino";

/** pino's levels, from loudest to none. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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
