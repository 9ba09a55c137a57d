import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the kernel gives to whoever asks for any (from 32768 on Linux, 49152 elsewhere), above those of services. */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const MOST_TRIES = 100;

/**
 * A port for a process that must be told one. Nobody else gets it between now and then but by naming it: the kernel does not choose
 * from this range, and two tests that draw from it hardly ever meet.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`${MOST_TRIES} ports from ${LOWEST} to ${HIGHEST} were taken`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
