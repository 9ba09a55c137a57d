import { readFileSync } from "node:fs";

/** Descriptors kept for everything but requests: the admin, the control server, logs, the runtime's own (about 30). */
const RESERVED = 64;

/**
 * How many file descriptors this process may have open (`ulimit -n`; Node raises the soft limit to the hard one by itself).
 * Infinity where the system does not tell.
 */
export function openFilesLimit(): number {
  try {
    const [, limit] = /^Max open files +(\d+) /m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * How many connections either side of the proxy may have, so that the other and the admin always find descriptors: a request
 * over HTTP/1.1 holds one on each side.
 */
export function connectionsWithin(openFiles: number): number {
  return Math.max(1, Math.floor((openFiles - RESERVED) / 2));
}
